/**
 * A row of links that is wider than the window begins with the one that is open in sight. An attachment; `place` is what it
 * depends on.
 */
export function currentInView(place: string): (row: HTMLElement) => void {
  return (row) => {
    void place;
    const current = row.querySelector('[aria-current="page"]')?.getBoundingClientRect();
    const { left, width } = row.getBoundingClientRect();
    if (current) row.scrollLeft += current.left - left - (width - current.width) / 2;
  };
}
