import { NODES } from '../../../src/testing/transport-traffic.ts';
import { Dice } from './dice.ts';
import { nextFrameInput } from './frame-inputs.ts';
import { FrameWorld } from './frame-world.ts';
import { Violations } from './violations.ts';
import type { FuzzOptions, FuzzReport } from './report.ts';

const WITNESS_EVERY = 500;
/** Frames of a process that has ended are inputs too. */
const RESTART_EVERY = 20_000;

/**
 * Sends the transports of three nodes frames that nobody sealed for them. None may arrive as something that was said,
 * nothing that was said may arrive twice, no process may fail over it, and the nodes go on hearing each other.
 */
export async function fuzzFrames({ inputs, seed, say }: FuzzOptions): Promise<FuzzReport> {
  const violations = new Violations();
  const dice = new Dice(seed);
  const world = await FrameWorld.open((what) => violations.add(`${what} (seed ${seed})`));
  let done = 0;
  try {
    while (done < inputs && violations.goesOn) {
      await world.witness();
      const share = Math.min(WITNESS_EVERY, inputs - done);
      for (let left = share; left > 0; left -= 1) world.publish(dice, nextFrameInput(dice, world.seen));
      await world.flush();
      done += share;
      if (done % RESTART_EVERY === 0) {
        await world.restart(dice.pick(NODES));
        say(`${done} frames, ${violations.all.length} violations`);
      }
    }
    await world.witness();
  } catch (error) {
    violations.add(`after ${done} frames (seed ${seed}): ${String(error)}`);
  } finally {
    await world.close();
    violations.close();
  }
  const outcomes = new Map([...world.dropped].filter(([, count]) => count > 0));
  return { inputs: done, outcomes, violations: violations.all };
}
