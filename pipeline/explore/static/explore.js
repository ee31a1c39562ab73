"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const state = { picture: "0", pictures: [], first: 0, found: null, direction: 0, tool: "box", drawn: null };
  const DRAWN = "drawn";
  const SHOWN = 5;
  let known = {};
  let busy = 0;

  // Asking, and telling how it went.
  const fail = (text) => { $("error").textContent = text; $("error").hidden = !text; };
  const answer = async (response) => {
    const content = await response.json();
    if (!response.ok) throw new Error(content.error);
    return content;
  };
  const ask = async (name, asked = {}) => answer(await fetch(`api/${name}`, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(asked),
  }));
  const working = async (told, work) => {
    const began = performance.now();
    const tell = () => { $("status").textContent = `${told} … ${((performance.now() - began) / 1000).toFixed(0)} s`; };
    const timer = setInterval(tell, 500);
    busy += 1; tell(); $("status").className = "busy"; fail("");
    for (const button of document.querySelectorAll("button.primary, #measure, #more")) button.disabled = true;
    try { return await work(); }
    catch (error) { fail(error.message); return null; }
    finally {
      clearInterval(timer); busy -= 1;
      if (!busy) {
        $("status").className = ""; $("status").textContent = "Ready";
        for (const button of document.querySelectorAll("button:disabled")) button.disabled = false;
      }
    }
  };

  // Making elements.
  const make = (tag, options = {}, ...inner) => {
    const element = Object.assign(document.createElement(tag), options);
    element.append(...inner);
    return element;
  };
  const words = (name) => name.replaceAll("_", " ");
  const signed = (x) => (x > 0 ? "+" : x < 0 ? "−" : "") + Math.abs(x).toFixed(2).replace(/\.?0+$/, "");
  const images = (uris, alt) => make("div", { className: "pictures" }, ...uris.map((src, i) => make("img", { src, alt: `${alt}, ${i + 1}` })));
  const head = (...cells) => make("thead", {}, make("tr", {}, ...cells.map((c) => make("th", { scope: "col" }, c))));
  const scale = (strengths) => make("div", { className: "pictures" }, ...strengths.map((s) => make("span", {}, signed(s) || "0")));
  const fill = (select, options) => { const before = select.value; select.replaceChildren(...options); if (before) select.value = before; if (select.selectedIndex < 0) select.selectedIndex = 0; };
  const option = (choice) => make("option", { value: choice.name, title: choice.about, disabled: Boolean(choice.missing) }, choice.missing ? `${choice.name} (weights are not here)` : choice.name);

  // What is asked for.
  const wish = () => {
    const [kind, method] = $("method").value.split(":");
    const drawn = $("region").value === DRAWN ? state.drawn : null;
    return {
      generator: $("generator").value, region: drawn ? "" : $("region").value,
      method: kind === "method" ? method : "", edit: kind === "edit" ? method : "",
      attribute: $("attribute").value, options: $("options").value,
      box: drawn && drawn.box, outline: drawn && drawn.outline,
    };
  };
  const direction = () => state.found.directions[state.direction];
  const layers = () => (direction().layers.length ? [Number($("first").value), Number($("last").value) + 1] : null);
  const choice = () => ({
    found: state.found.found, direction: state.direction, strength: Number($("strength").value),
    layers: layers(), picture: state.picture, reference: state.found.takes ? $("reference").value : "",
  });

  // The picture in the middle follows the sliders: one question at a time, always the latest.
  let drawing = false;
  let again = false;
  const draw = async () => {
    if (!state.found) return;
    if (drawing) { again = true; return; }
    drawing = true;
    try {
      do {
        again = false;
        const began = performance.now();
        const shown = await ask("render", choice());
        $("original").src = shown.original;
        $("edited").src = shown.edited;
        $("difference").src = shown.difference;
        state.before = shown.original; state.after = shown.edited;
        outline(shown.outline);
        for (const id of ["peak", "inside", "outside", "ratio"]) $(id).textContent = shown[id];
        $("milliseconds").textContent = `${Math.round(performance.now() - began)} ms`;
      } while (again);
    } catch (error) { fail(error.message); }
    drawing = false;
  };
  const outline = (path) => { for (const line of $("canvas").querySelectorAll("path")) line.setAttribute("d", path); };
  const told = () => {
    $("strength-told").textContent = signed(Number($("strength").value)) || "0";
    const names = state.found ? direction().layers : [];
    $("layer-range").hidden = !names.length;
    for (const id of ["first", "last"]) $(`${id}-told`).textContent = names[Number($(id).value)] || "";
  };

  // Directions.
  const described = (found) => {
    state.found = found;
    state.direction = Math.min(found.selected, found.directions.length - 1);
    Object.assign($("strength"), { min: found.low, max: found.high, value: found.low < 0 ? found.high / 3 : found.high });
    $("unit").textContent = `A strength of ${found.unit}.`;
    $("takes").hidden = !found.takes;
    $("told").textContent = `${found.directions.length} directions in ${found.seconds.toFixed(1)} s.` + (found.calibrated ? "" : " Strengths are natural steps.");
    $("command").hidden = false;
    $("command").querySelector("code").textContent = found.command;
    for (const id of ["directions", "strip", "measure", "name"]) $(`${id}-section`).hidden = false;
    $("measured").replaceChildren();
  };
  const doing = (d) => {
    const rows = Object.entries(d.changes).map(([name, x]) => make("div", {}, `${words(name)} ${signed(x)}`));
    if (d.selective) rows.unshift(make("span", { className: "tag", title: "moves its attribute at least twice as far as any outside the region" }, "selective"));
    return rows.length ? rows : [state.found.calibrated ? "no attribute changes notably" : "–"];
  };
  const chosen = () => {
    const d = direction();
    for (const id of ["first", "last"]) $(id).max = Math.max(0, d.layers.length - 1);
    $("first").value = d.own[0]; $("last").value = d.own[1] - 1;
    mark(); told(); draw();
  };
  const mark = () => { for (const row of $("directions").querySelectorAll("tbody tr")) row.classList.toggle("selected", Number(row.dataset.index) === state.direction); };
  const gallery = async () => {
    const shown = await ask("gallery", { found: state.found.found, picture: state.picture });
    const body = make("tbody", {}, ...shown.rows.map((row, i) => {
      const d = state.found.directions[i];
      const name = make("button", { title: d.name }, d.attribute ? `${i} · ${words(d.attribute)}` : `${i}`);
      const line = make("tr", {}, make("th", { scope: "row" }, name), make("td", { className: "change" }, ...doing(d)), make("td", {}, images(row.images, `Direction ${i}`)));
      line.dataset.index = i;
      line.addEventListener("click", () => { state.direction = i; chosen(); strips(); });
      return line;
    }));
    $("directions").replaceChildren(head("direction", "changes", scale(shown.strengths)), body);
  };
  const strips = async () => {
    if (!state.found) return;
    const around = state.pictures.filter((name) => name !== state.picture).slice(0, SHOWN);
    try {
      const shown = await ask("strips", { ...choice(), pictures: [state.picture, ...around] });
      const rows = shown.rows.map((row) => make("tr", {}, make("th", { scope: "row" }, row.name), make("td", {}, images(row.images, `Picture ${row.name}`))));
      $("strips").replaceChildren(head("picture", scale(shown.strengths)), make("tbody", {}, ...rows));
    } catch (error) { fail(error.message); }
  };
  const everything = async (found) => { described(found); await gallery(); chosen(); strips(); };
  const find = () => working("Finding directions", async () => {
    const found = await ask("discover", wish());
    await everything(found);
    if ($("reads").checked && found.calibrates) {
      $("status").textContent = "Reading off what they do …";
      const known = await ask("calibrate", { found: found.found });
      if (state.found.found === found.found) await everything(known);
    }
  });

  // Pictures.
  const show = (name, image) => {
    state.picture = name;
    for (const button of $("pictures").children) button.setAttribute("aria-pressed", String(button.dataset.name === name));
    if (state.found) { draw(); gallery().then(mark); strips(); }
    else { $("original").src = image; for (const id of ["edited", "difference"]) $(id).removeAttribute("src"); outline(""); }
  };
  const thumb = ({ name, image }) => {
    const button = make("button", { title: `picture ${name}` }, make("img", { src: image, alt: `Picture ${name}` }));
    button.dataset.name = name;
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("click", () => show(name, image));
    return button;
  };
  const pictures = (first) => working("Drawing samples", async () => {
    const got = await ask("pictures", { ...wish(), first });
    state.pictures = got.pictures.map((picture) => picture.name);
    state.first = got.next;
    $("pictures").replaceChildren(...got.pictures.map(thumb));
    fill($("attribute"), [make("option", { value: "" }, "any"), ...got.attributes.map((name) => make("option", { value: name }, words(name)))]);
    fill($("layer"), got.layers.map((name) => make("option", { value: name }, name)));
    // of 32 px as in Editing in Style, else in the middle
    $("layer").value = got.layers.find((name) => name.startsWith("b32.")) ?? got.layers[got.layers.length >> 1] ?? "";
    fill($("reference"), got.pictures.map(({ name }) => make("option", { value: name }, name)));
    $("reference").value = got.pictures[1 % got.pictures.length].name;
    show(got.pictures[0].name, got.pictures[0].image);
  });
  const photograph = () => working("Finding the code of the photograph", async () => {
    const [file] = $("photograph").files;
    if (!file) return;
    const query = new URLSearchParams({ generator: $("generator").value, options: $("options").value, name: file.name });
    const got = await answer(await fetch(`api/photograph?${query}`, {
      method: "POST", headers: { "Content-Type": "application/octet-stream" }, body: file,
    }));
    $("pictures").prepend(thumb(got));
    state.pictures.unshift(got.name);
    $("likeness").textContent = `${got.file} as the generator draws it: ${got.likeness}`;
    $("photograph").value = "";
    show(got.name, got.image);
  });

  // Drawing a region, and finding its directions at once.
  const place = (event) => {
    const { left, top, width, height } = $("canvas").getBoundingClientRect();
    const within = (x) => Math.min(1, Math.max(0, x));
    return [within((event.clientY - top) / height), within((event.clientX - left) / width)];
  };
  const path = (points) => `M${points.map(([y, x]) => `${x} ${y}`).join("L")}Z`;
  const corners = ([t, l], [b, r]) => [[t, l], [t, r], [b, r], [b, l]];
  let stroke = null;
  const stroked = () => (state.tool === "box" ? corners(stroke[0], stroke[stroke.length - 1]) : stroke);
  $("canvas").addEventListener("pointerdown", (event) => {
    event.preventDefault();
    $("canvas").setPointerCapture(event.pointerId);
    stroke = [place(event)];
  });
  $("canvas").addEventListener("pointermove", (event) => {
    if (!stroke) return;
    const [y, x] = place(event);
    const [before, beside] = stroke[stroke.length - 1];
    if (Math.hypot(y - before, x - beside) > 0.012) stroke.push([y, x]);
    outline(path(stroked()));
  });
  $("canvas").addEventListener("pointerup", () => {
    const points = stroke && stroked();
    const drawn = stroke && stroke.length > 2;
    stroke = null;
    if (!drawn) return;
    const [[t, l], , [b, r]] = points;
    state.drawn = state.tool === "box" ? { box: [t, l, b, r] } : { outline: points };
    const already = [...$("region").options].find((o) => o.value === DRAWN);
    if (!already) $("region").prepend(make("option", { value: DRAWN }, "drawn on the picture"));
    $("region").value = DRAWN;
    if (!busy) find();
  });

  // Numbers, names, comparisons, clusters.
  const table = (caption, rows, unit) => make("table", {}, make("caption", {}, caption), head("", unit, "95 % interval", "n"), make("tbody", {}, ...rows.map((row) => make("tr", {}, make("th", { scope: "row", title: row.what || "" }, words(row.name)), make("td", {}, row.value), make("td", { className: "ci" }, row.interval || "–"), make("td", {}, String(row.n))))));
  const measure = () => working("Measuring", async () => {
    const got = await ask("measure", { ...choice(), count: Number($("count").value) });
    const tables = [table("Quality and locality", got.metrics, "mean")];
    if (got.changes.length) tables.push(table("Attributes that change most", got.changes.slice(0, 10), "standard deviations"));
    $("measured").replaceChildren(...tables);
  });
  const done = (id, got) => { $(id).hidden = false; $(id).replaceChildren(`Kept in ${got.file}. `, make("code", {}, got.command)); };
  const naming = () => working("Keeping the direction", async () => {
    done("named", await ask("name", { ...choice(), name: $("name").value, what: $("what").value }));
    await choices();
  });
  const compare = () => working("Comparing methods", async () => {
    const methods = [...$("methods").querySelectorAll("input:checked")].map((input) => input.value);
    const names = [state.picture, ...state.pictures.filter((name) => name !== state.picture).slice(0, SHOWN - 1)];
    const got = await ask("compare", { ...wish(), methods, pictures: names, change: Number($("change").value), count: Number($("compared").value) });
    const number = (row, name) => { const found = row.metrics.find((metric) => metric.name === name); return found ? [`${found.value} `, make("span", { className: "ci" }, found.interval)] : ["–"]; };
    const line = (row) => {
      if (row.refused) return make("tr", {}, make("th", { scope: "row" }, row.method), make("td", { className: "text", colSpan: 6 }, row.refused));
      const matched = { true: "", false: " not reached", null: " at a strength of 1" }[row.matched];
      const change = row.change ? [`${row.change.value} `, make("span", { className: "ci" }, row.change.interval), matched] : ["–"];
      const n = row.metrics.length ? row.metrics[0].n : 0;
      return make("tr", {}, make("th", { scope: "row", title: row.direction }, row.method), make("td", {}, images(row.images, row.method)), make("td", {}, ...change), ...["MSE in", "MSE out", "MSE in / out"].map((name) => make("td", {}, ...number(row, name))), make("td", {}, String(n)));
    };
    const original = make("tr", {}, make("th", { scope: "row" }, "original"), make("td", {}, images(got.originals, "Original")));
    $("comparison").replaceChildren(head("method", "", words($("attribute").value), "MSE in", "MSE out", "in / out", "n"), make("tbody", {}, original, ...got.rows.map(line)));
    $("comparison-section").hidden = false;
  });
  const clustering = () => working("Finding clusters", async () => {
    const got = await ask("clusters", { ...wish(), layer: $("layer").value, count: Number($("number").value) });
    $("overlays").replaceChildren(make("tbody", {}, make("tr", {}, make("td", {}, images(got.images, "Sample"))), make("tr", {}, make("td", {}, images(got.overlays, "Clusters of sample")))));
    const rows = got.clusters.map((cluster) => {
      const input = make("input", { value: cluster.name, placeholder: "no name", spellcheck: false });
      input.dataset.cluster = cluster.number;
      input.setAttribute("aria-label", `Name of cluster ${cluster.number}`);
      return make("tr", {}, make("th", { scope: "row" }, String(cluster.number)), make("td", {}, input), make("td", {}, `${cluster.share} %`), make("td", {}, images(cluster.images, `Cluster ${cluster.number}`)));
    });
    $("catalog").replaceChildren(head("cluster", "what it shows", "of all pixels", ""), make("tbody", {}, ...rows));
    $("catalog-section").hidden = false;
    $("labelled").hidden = true;
  });
  const labelling = () => working("Keeping the names", async () => {
    const names = Object.fromEntries([...$("catalog").querySelectorAll("input")].map((input) => [input.dataset.cluster, input.value]));
    done("labelled", await ask("labels", { names }));
  });

  // Choices and views.
  const about = () => { const [kind, name] = $("method").value.split(":"); const found = (known[kind] || []).find((c) => c.name === name); $("about").textContent = found ? found.about : ""; };
  const choices = async () => {
    known = await ask("choices");
    fill($("generator"), known.generator.map(option));
    const group = (label, kind) => make("optgroup", { label }, ...known[kind].map((c) => { const o = option(c); o.value = `${kind}:${c.name}`; return o; }));
    fill($("method"), [group("methods", "method"), ...(known.edit.length ? [group("named edits", "edit")] : [])]);
    fill($("region"), [...(state.drawn ? [make("option", { value: DRAWN }, "drawn on the picture")] : []), ...known.region.filter((c) => !["box", "polygon"].includes(c.name)).map(option)]);
    $("methods").replaceChildren(...known.method.filter((c) => c.name !== "saved").map((c) => make("label", { title: c.about }, make("input", { type: "checkbox", value: c.name, checked: ["resefa", "sefa"].includes(c.name) }), ` ${c.name}`)));
    about();
  };
  const view = (name) => {
    for (const tab of document.querySelectorAll(".tab")) tab.setAttribute("aria-pressed", String(tab.dataset.view === name));
    for (const id of ["edit", "compare", "clusters"]) $(id).hidden = id !== name;
    for (const part of document.querySelectorAll("aside [class*='for-']")) part.hidden = !part.classList.contains(`for-${name}`);
  };
  const start = async () => {
    await working("Opening", async () => {
      await choices();
      for (const [id, value] of [["generator", "stylegan2_procfaces"], ["method", "method:resefa"], ["region", "mouth"]]) $(id).value = value;
      about();
    });
    await pictures(0);
  };

  const submits = { naming, comparing: compare, clustering, labelling };
  for (const [id, act] of Object.entries(submits)) $(id).addEventListener("submit", (event) => { event.preventDefault(); act(); });
  const clicks = { find, measure, more: () => pictures(state.first) };
  for (const [id, act] of Object.entries(clicks)) $(id).addEventListener("click", act);
  $("photograph").addEventListener("change", photograph);
  $("method").addEventListener("change", about);
  $("generator").addEventListener("change", () => { state.found = null; for (const id of ["directions", "strip", "measure", "name"]) $(`${id}-section`).hidden = true; pictures(0); });
  for (const id of ["strength", "first", "last"]) {
    $(id).addEventListener("input", () => {
      if (id === "first" && Number($("first").value) > Number($("last").value)) $("last").value = $("first").value;
      if (id === "last" && Number($("last").value) < Number($("first").value)) $("first").value = $("last").value;
      told(); draw();
    });
    if (id !== "strength") $(id).addEventListener("change", strips);
  }
  $("reference").addEventListener("change", () => { draw(); strips(); });
  for (const event of ["pointerdown", "keydown"]) $("hold").addEventListener(event, () => { if (state.before) $("edited").src = state.before; });
  for (const event of ["pointerup", "pointerleave", "keyup", "blur"]) $("hold").addEventListener(event, () => { if (state.after) $("edited").src = state.after; });
  for (const tab of document.querySelectorAll(".tab")) tab.addEventListener("click", () => view(tab.dataset.view));
  for (const tool of document.querySelectorAll(".tools button")) {
    tool.addEventListener("click", () => {
      state.tool = tool.dataset.tool;
      for (const other of document.querySelectorAll(".tools button")) other.setAttribute("aria-pressed", String(other === tool));
    });
  }
  view("edit");
  start();
})();
