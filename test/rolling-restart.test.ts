import { expect, it } from 'vitest';
import { rollingRestart } from '../scripts/chaos/rolling-restart.ts';
import { CHATD } from './support.ts';

it('is not noticed by people who write while every node is restarted in turn, twice around', async () => {
  const report = await rollingRestart({
    rounds: 2,
    seed: 3,
    rate: 24,
    historyFile: null,
    keepData: false,
    chatdFile: CHATD,
    say: () => {},
  });
  expect(report.verdict.violations).toEqual([]);
  expect(report.failed).toBe(0);
  expect(report.converged).toBe(true);
  expect(report.restarts).toBe(6);
  expect(report.leaderStops).toBeGreaterThan(0);
  expect(report.keptLeadership).toEqual([]);
  expect(report.verdict.ok).toBeGreaterThan(50);
}, 300_000);
