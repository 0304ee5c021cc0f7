const WIDTH = 300;
const HEIGHT = 46;
const SVG = "http://www.w3.org/2000/svg";

/** An empty sparkline: an area below a line. */
export function createSparkline() {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("role", "img");
  for (const name of ["area", "line"]) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("class", name);
    svg.append(path);
  }
  return svg;
}

/**
 * Draws the last WIDTH values, newest at the right; null leaves a gap. `least` is the smallest
 * scale.
 */
export function drawSparkline(svg, values, least) {
  const shown = values.slice(-WIDTH);
  const highest = Math.max(least, ...shown.map((value) => value ?? 0));
  const from = WIDTH - shown.length;
  let line = "";
  let area = "";
  let open = false;
  shown.forEach((value, i) => {
    const x = from + i;
    if (value === null) {
      if (open) area += `V${HEIGHT}Z`;
      open = false;
      return;
    }
    const y = (HEIGHT - 1 - (value / highest) * (HEIGHT - 6)).toFixed(1);
    line += `${open ? "L" : "M"}${x} ${y}`;
    area += open ? `L${x} ${y}` : `M${x} ${HEIGHT}V${y}`;
    open = true;
  });
  if (open) area += `V${HEIGHT}Z`;
  svg.children[0].setAttribute("d", area);
  svg.children[1].setAttribute("d", line);
}
