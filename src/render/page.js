// Runs in the reader's browser. Without it the page shows the same charts as still pictures.
const root = document.documentElement;
const toggle = document.querySelector("button");
const isDark = () => (root.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
const nameToggle = () => (toggle.textContent = isDark() ? "Light" : "Dark");
toggle.hidden = false;
toggle.addEventListener("click", () => {
  root.dataset.theme = isDark() ? "light" : "dark";
  nameToggle();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", nameToggle);
nameToggle();

const font = getComputedStyle(document.body).fontFamily;
for (const figure of document.querySelectorAll("figure")) {
  const spec = JSON.parse(figure.querySelector("script").textContent);
  figure.classList.add("live");
  // Measured in the font that is really shown, else labels would be cut.
  const config = { ...spec.config, font };
  const place = figure.querySelector(".drawn");
  vegaEmbed(place, { ...spec, config, ...wide(spec, place.clientWidth) }, { mode: "vega-lite", actions: false, renderer: "svg" }).catch(
    (error) => {
      figure.classList.remove("live");
      console.error(error);
    },
  );
}

/** As wide as its place. Charts one below the other cannot follow it: they are made as much wider as it is than the 640 they were made for. */
function wide(spec, width) {
  if (spec.vconcat === undefined) return { width: "container" };
  const more = Math.max(0, width - 640);
  return { vconcat: spec.vconcat.map((row) => ({ ...row, width: row.width + more })) };
}
