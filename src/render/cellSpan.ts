type Rows = readonly (readonly string[])[];

/** Rows beside which the first cell of this one stands: a row whose first cell is empty goes on with the one above, and has none of its own. */
export function cellSpan(rows: Rows, place: number): number {
  if (goesOn(rows, place)) return 0;
  const after = rows.findIndex((_, other) => other > place && !goesOn(rows, other));
  return (after === -1 ? rows.length : after) - place;
}

function goesOn(rows: Rows, place: number): boolean {
  return place > 0 && rows[place]?.[0] === "";
}
