/**
 * One copy of each text: fifty thousand tasks name their host, group and definition in thirteen megabytes, parsed each by itself.
 * It keeps what it was given, so it is for one reading, not for the life of a process.
 */
export type OnlyOnce = <T extends string | null>(text: T) => T;

export function onlyOnce(): OnlyOnce {
  const known = new Map<string | null, string | null>();
  return <T extends string | null>(text: T): T => {
    const there = known.get(text);
    if (there !== undefined) return there as T;
    known.set(text, text);
    return text;
  };
}
