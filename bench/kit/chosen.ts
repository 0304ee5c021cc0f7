/** The members whose names were asked for; all when none of them was. */
export function chosen<T extends { readonly name: string }>(
  all: readonly T[],
  only: readonly string[],
): T[] {
  const some = all.filter((member) => only.includes(member.name));
  return some.length > 0 ? some : [...all];
}
