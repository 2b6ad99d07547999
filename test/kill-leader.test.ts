import { expect, it } from 'vitest';
import { FAULT_KINDS } from '../scripts/chaos/faults.ts';
import { killLeader } from '../scripts/chaos/kill-leader.ts';
import { CHATD } from './support.ts';

it('loses, doubles and reorders nothing when the leader is killed, stopped or cut off under load', async () => {
  const report = await killLeader({
    rounds: 4,
    how: FAULT_KINDS,
    seed: 7,
    rate: 120,
    historyFile: null,
    keepData: false,
    chatdFile: CHATD,
    say: () => {},
  });
  expect(report.verdict.violations).toEqual([]);
  expect(report.converged).toBe(true);
  expect(report.invalid).toBe(false);
  expect(report.faults).toBe(4);
  expect(report.verdict.ok).toBeGreaterThan(100);
}, 300_000);
