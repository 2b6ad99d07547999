import type { HistoryRecord } from './history.ts';

/** One write gap: from the last acknowledged write before a fault's effect to the first after it. */
export interface WriteGap {
  readonly faultAt: number;
  readonly kind: string;
  readonly node: string;
  readonly gapMs: number;
}

/**
 * For each fault, the longest pause between two acknowledgements that clients of surviving nodes saw from just before
 * the fault until `windowMs` after it. A fault after which nothing was acknowledged any more has an infinite gap.
 */
export function writeGaps(history: readonly HistoryRecord[], windowMs: number): readonly WriteGap[] {
  const acknowledged = history.filter((record) => record.type === 'ok').map(({ t, node }) => ({ t, node }));
  acknowledged.sort((a, b) => a.t - b.t);
  return history
    .filter((record) => record.type === 'fault')
    .map((fault) => ({
      faultAt: fault.t,
      kind: fault.kind,
      node: fault.node,
      gapMs: gapAfter(fault, acknowledged, windowMs),
    }));
}

function gapAfter(
  fault: { readonly t: number; readonly node: string },
  acknowledged: readonly { readonly t: number; readonly node: string }[],
  windowMs: number,
): number {
  const survivors = acknowledged.filter(({ node }) => node !== fault.node);
  const first = survivors.findIndex(({ t }) => t >= fault.t);
  if (first < 0) return Number.POSITIVE_INFINITY;
  let previous = survivors[first - 1]?.t ?? fault.t;
  let longest = 0;
  for (const { t } of survivors.slice(first)) {
    if (previous > fault.t + windowMs) break;
    longest = Math.max(longest, t - previous);
    previous = t;
  }
  return longest;
}
