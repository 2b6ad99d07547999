/**
 * The starts of one data directory, as it remembers them itself. A copy that is put back does not know of the starts
 * since it was made; that is how the others tell it from the directory that was in use.
 */
export interface Lineage {
  /**
   * A start that another node has confirmed: all before it are accounted for. 0: none yet. Null: not known any more,
   * because the record was lost.
   */
  readonly since: number | null;
  /** The starts after it, the present one last. */
  readonly starts: readonly number[];
}

/** Unconfirmed starts that are remembered. */
const STARTS_MAX = 64;

export function withStart({ since, starts }: Lineage, boot: number): Lineage {
  return { since, starts: [...starts, boot].slice(-STARTS_MAX) };
}

/** Whether a directory with this lineage remembers, or has made up for, its start `boot`. */
export function knowsStart({ since, starts }: Lineage, boot: number): boolean {
  return since === null || boot <= since || starts.includes(boot);
}

/** Whether what was said about start `boot` concerns this directory as well: it has been through it, or may have. */
export function wentThrough({ since, starts }: Lineage, boot: number): boolean {
  return starts.includes(boot) || (since ?? 0) >= boot;
}

export function isLineage(value: unknown): value is Lineage {
  const { since, starts } = (value ?? {}) as Partial<Record<keyof Lineage, unknown>>;
  const isBoot = (boot: unknown): boolean => Number.isSafeInteger(boot) && (boot as number) >= 0;
  return (
    (since === null || isBoot(since)) && Array.isArray(starts) && starts.length <= STARTS_MAX && starts.every(isBoot)
  );
}
