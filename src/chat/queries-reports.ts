import { afterPrefix, KEYS, numberAtEnd } from './keys.ts';
import { reportCodec } from './report-rows.ts';
import type { StateReader } from './ports.ts';
import type { ReportRow } from './report-rows.ts';

export interface ReportInfo extends ReportRow {
  readonly id: number;
}

/**
 * Reports in the order in which they came; a page may be short before the end.
 *
 * @returns `next`: what to pass as `after` for the next page, null at the end
 */
export async function reportsPage(
  reader: StateReader,
  ask: { readonly state: 'open' | 'resolved' | 'all'; readonly after: number; readonly limit: number },
): Promise<{ readonly reports: readonly ReportInfo[]; readonly next: number | null }> {
  const { state, after, limit } = ask;
  const rows = await reader.range({ gte: KEYS.report(after + 1), lt: afterPrefix(KEYS.reports), limit: limit + 1 });
  const all = rows.map(([key, bytes]): ReportInfo => ({ id: numberAtEnd(key), ...reportCodec.decode(bytes) }));
  const shown = all.slice(0, limit);
  return {
    reports: shown.filter(({ resolved }) => state === 'all' || (resolved === null) === (state === 'open')),
    next: all.length > limit ? shown.at(-1)!.id : null,
  };
}
