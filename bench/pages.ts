import { distributionOf, type Distribution } from '../scripts/chaos/percentiles.ts';
import { requestJson } from '../scripts/load/http.ts';
import { tokenOf } from '../scripts/load/person.ts';
import type { Person } from '../scripts/load/person.ts';

const PAGE_READS = 100;

/** Milliseconds that reading a page takes, one after the other. */
export async function timePages(url: string, person: Person, pathOf: (i: number) => string): Promise<Distribution> {
  const token = await tokenOf(url, person);
  const times: number[] = [];
  for (let i = 0; i < PAGE_READS; i++) {
    const at = performance.now();
    await requestJson(url, 'GET', pathOf(i), { token });
    times.push(performance.now() - at);
  }
  return distributionOf(times);
}
