/** A curve with fewer points, none of the left-out ones further from it than a seventh of a pixel (Ramer
 * 1972, Douglas and Peucker 1973).
 *
 * @param points [[x, y], …]
 * @param pixel how much of x and of y a pixel is */
export function simplify(points, pixel) {
  const scaled = points.map(([x, y]) => [x / pixel.x, y / pixel.y]);
  const kept = new Set([0, points.length - 1]);
  const open = [[0, points.length - 1]];
  for (let range = open.pop(); range !== undefined; range = open.pop()) {
    const [from, to] = range;
    const { index, distance } = furthest(scaled, from, to);
    if (distance <= TOLERANCE) continue;
    kept.add(index);
    open.push([from, index], [index, to]);
  }
  return points.filter((_, i) => kept.has(i));
}

const TOLERANCE = 1 / 7;

/** The point furthest from the line between two others. */
function furthest(points, from, to) {
  const [x0, y0] = points[from];
  const [dx, dy] = [points[to][0] - x0, points[to][1] - y0];
  const length = Math.hypot(dx, dy);
  let found = { index: from, distance: 0 };
  for (let i = from + 1; i < to; i++) {
    const [px, py] = [points[i][0] - x0, points[i][1] - y0];
    const distance = length === 0 ? Math.hypot(px, py) : Math.abs(px * dy - py * dx) / length;
    if (distance > found.distance) found = { index: i, distance };
  }
  return found;
}
