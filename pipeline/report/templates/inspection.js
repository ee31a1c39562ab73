"use strict";
(() => {
  const list = document.querySelector(".inspected");
  const order = document.querySelector("select.order");
  const rows = [...list.children].map((figure) => [figure, JSON.parse(figure.dataset.keys)]);
  order.addEventListener("change", () => {
    const key = order.value;
    const sign = order.selectedOptions[0].dataset.descending ? -1 : 1;
    const known = rows.filter(([, keys]) => key in keys);
    known.sort(([, a], [, b]) => sign * (a[key] - b[key]));
    const unknown = rows.filter(([, keys]) => !(key in keys));
    list.append(...[...known, ...unknown].map(([figure]) => figure));
  });
})();
