import { createCipheriv, randomBytes } from 'node:crypto';
import { cpuMs } from './cpu-time.ts';
import { PairWorld, type PairNode } from '../src/testing/pair-world.ts';
import { formatTable } from '../src/cli/table.ts';

/** What frames between three nodes cost, in processor time. */
export interface FrameCost {
  readonly what: string;
  readonly microseconds: number;
  /** Of what it costs to encrypt so many bytes once (AES-256-GCM), in the same run. */
  readonly ratio: number;
}

const SIZES = [64, 1_024, 65_536];
const BYTES_MAX = 128 * 1024 * 1024;
const FRAMES_MAX = 4_000;

export function measureFrames(): FrameCost[] {
  const world = new PairWorld();
  const [a, b, c] = [1, 2, 3].map((n) => world.start(`n${n}`, { boot: n })) as [PairNode, PairNode, PairNode];
  world.enroll(a, b, c);
  world.acquaint();
  for (const node of world.nodes) node.ring.adopt({ epoch: 1, key: randomBytes(32) }, false);
  world.deliver();
  return SIZES.flatMap((size) => costsAt(size, { a, b, c }));
}

function costsAt(size: number, { a, b, c }: { a: PairNode; b: PairNode; c: PairNode }): FrameCost[] {
  const payload = randomBytes(size);
  const rounds = Math.min(FRAMES_MAX, Math.floor(BYTES_MAX / size / 8));
  const shared = (): Buffer => a.sealForAll(payload, 'raft-shared', [b, c]);
  const direct = (): Buffer => a.seal(b, 'raft', payload);
  const costs: readonly (readonly [string, () => unknown])[] = [
    [`seal ${size} bytes in a session`, direct],
    [`seal and open ${size} bytes in a session`, () => b.receive(direct())],
    [`seal ${size} bytes once for two`, shared],
    [`seal ${size} bytes once for two, and open them`, () => b.receive(shared())],
  ];
  const key = randomBytes(32);
  const floor = microsecondsOf(rounds, () => encryptOnce(key, payload));
  return costs.map(([what, act]) => {
    const microseconds = microsecondsOf(rounds, act);
    return { what, microseconds, ratio: microseconds / floor };
  });
}

function encryptOnce(key: Uint8Array, payload: Uint8Array): void {
  const cipher = createCipheriv('aes-256-gcm', key, Buffer.alloc(12));
  cipher.update(payload);
  cipher.final();
  cipher.getAuthTag();
}

function microsecondsOf(rounds: number, act: () => unknown): number {
  for (let round = 0; round < rounds / 4; round += 1) act();
  const before = cpuMs();
  for (let round = 0; round < rounds; round += 1) act();
  return (1_000 * (cpuMs() - before)) / rounds;
}

export function renderFrames(costs: readonly FrameCost[]): string {
  return formatTable(
    ['frames between nodes', 'µs', 'of one AES-256-GCM'],
    costs.map(({ what, microseconds, ratio }) => [what, microseconds.toFixed(1), `× ${ratio.toFixed(1)}`]),
    [1, 2],
  );
}
