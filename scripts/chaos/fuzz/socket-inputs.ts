import { CLIENT_FRAMES } from '../../../src/protocol/http/frames.ts';
import type { JsonSchema } from '../../../src/api/docs/json-schema.ts';
import type { Dice } from './dice.ts';
import { damaged, oddValue, valueFor } from './values.ts';
import type { Known } from './values.ts';

const FRAMES = Object.values(CLIENT_FRAMES) as readonly JsonSchema[];

/** A frame of a client that is nearly right, or bytes that never were one. */
export function nextFrame(dice: Dice, known: Known): string | Uint8Array {
  if (dice.oneIn(30)) return dice.bytes(dice.below(300));
  if (dice.oneIn(20)) return JSON.stringify(oddValue(dice, 0));
  const frame = valueFor(dice.pick(FRAMES), '', dice, known);
  const text = JSON.stringify(frame);
  return dice.oneIn(12) ? damaged(text, dice) : text;
}
