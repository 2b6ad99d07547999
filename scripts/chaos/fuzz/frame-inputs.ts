import type { Dice } from './dice.ts';

const NOISE_BYTES_MAX = 400;
const HEADER_BYTES = 60;
const INSERTED_BYTES_MAX = 40;

/** Bytes for a subject of the nodes that none of them sealed for it: what they did seal is `seen`. */
export function nextFrameInput(dice: Dice, seen: readonly Buffer[]): Buffer {
  if (seen.length === 0 || dice.oneIn(20)) return Buffer.from(dice.bytes(dice.below(NOISE_BYTES_MAX)));
  const frame = Buffer.from(dice.pick(seen));
  switch (dice.below(7)) {
    case 0:
      // Once more, as it was.
      return frame;
    case 1:
      return frame.subarray(0, dice.below(frame.length + 1));
    case 2:
      return Buffer.concat([frame, dice.bytes(1 + dice.below(INSERTED_BYTES_MAX))]);
    case 3:
      return spliced(frame, dice.pick(seen), dice);
    case 4:
      return flipped(frame, dice, Math.min(HEADER_BYTES, frame.length));
    case 5:
      return flipped(frame, dice, frame.length);
    default:
      return overwritten(frame, dice);
  }
}

/** One to four bits are others, all of them before `end`. */
function flipped(frame: Buffer, dice: Dice, end: number): Buffer {
  for (let left = 1 + dice.below(4); left > 0; left -= 1) frame[dice.below(end)]! ^= 1 << dice.below(8);
  return frame;
}

/** The beginning of one with the end of another. */
function spliced(frame: Buffer, other: Buffer, dice: Dice): Buffer {
  const at = dice.oneIn(2) ? HEADER_BYTES : dice.below(frame.length + 1);
  return Buffer.concat([frame.subarray(0, at), other.subarray(dice.oneIn(2) ? at : dice.below(other.length + 1))]);
}

/** A few bytes at once: whole numbers, names and their lengths. */
function overwritten(frame: Buffer, dice: Dice): Buffer {
  const at = dice.below(Math.min(HEADER_BYTES, frame.length));
  const length = Math.min(1 + dice.below(8), frame.length - at);
  frame.fill(dice.pick([0x00, 0xff, 0x7f, 0x01, dice.below(256)]), at, at + length);
  return frame;
}
