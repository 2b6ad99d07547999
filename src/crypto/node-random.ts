import { randomBytes } from 'node:crypto';
import type { RandomBytes } from './random.ts';

export const nodeRandom: RandomBytes = (length) => new Uint8Array(randomBytes(length));
