type Optional<T> = { [K in keyof T]: undefined extends T[K] ? K : never }[keyof T];

/** The same members, those that may be undefined optional instead. */
export type Known<T> = Omit<T, Optional<T>> & { [K in Optional<T>]?: Exclude<T[K], undefined> };

/** Without the members that are undefined, so that what is missing is not there. */
export function known<T extends object>(members: T): Known<T> {
  // Every member whose value may be undefined is optional in Known, and those that are undefined are left out here.
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as Known<T>;
}
