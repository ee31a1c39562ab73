"use strict";
(() => {
  const explorer = document.querySelector(".explorer");
  const table = document.querySelector("table.strips");
  if (explorer && table) {
    const [slider, output, hold] = ["input", "output", "button"].map((s) => explorer.querySelector(s));
    const heads = [...table.tHead.rows[0].cells].slice(1);
    const faces = [...table.tBodies[0].rows].map((row) => {
      const cells = [...row.cells].slice(1);
      const copy = cells[0].querySelector(".picture").cloneNode(true);
      explorer.querySelector(".faces").append(copy);
      return [copy.querySelector("img"), cells.map((cell) => cell.querySelector("img"))];
    });
    const original = heads.findIndex((head) => Number(head.dataset.strength) === 0);
    const show = (column) => {
      for (const [face, images] of faces) {
        face.src = images[column].src;
        face.alt = images[column].alt;
      }
      output.textContent = heads[column].textContent;
    };
    const current = () => show(Number(slider.value));
    slider.addEventListener("input", current);
    for (const event of ["pointerdown", "keydown"]) hold.addEventListener(event, () => show(original));
    for (const event of ["pointerup", "pointerleave", "keyup", "blur"]) hold.addEventListener(event, current);
    explorer.hidden = false;
    current();
  }
  for (const button of document.querySelectorAll("button.copy")) {
    if (!navigator.clipboard) continue;
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(button.parentElement.querySelector("code").textContent);
      button.textContent = "copied";
    });
  }
  addEventListener("beforeprint", () => {
    for (const details of document.querySelectorAll("details")) details.open = true;
  });
})();
