import { describe, expect, it } from 'vitest';
import { judgeHashes, renderVerdict, verifyExitCode } from './verify.ts';
import type { NodeHashes } from './verify.ts';

const node = (name: string, hashes: Record<number, string>, rows: [string, string] | null = null): NodeHashes => ({
  node: name,
  reply: {
    hashes: Object.entries(hashes).map(([index, hash]) => ({ index: Number(index), hash })),
    rows: rows && { index: 1, hash: rows[0], recomputed: rows[1], count: 7 },
  },
});
const down: NodeHashes = { node: 'n3', reply: null };

describe('verify', () => {
  it('compares at the greatest index that all have', () => {
    const verdict = judgeHashes([node('n1', { 32: 'a', 64: 'b', 70: 'c' }), node('n2', { 32: 'a', 64: 'b', 71: 'd' })]);
    expect(verdict).toMatchObject({ index: 64, equal: true });
    expect(verifyExitCode(verdict)).toBe(0);
  });

  it('says when nodes differ', () => {
    const verdict = judgeHashes([node('n1', { 64: 'b' }), node('n2', { 64: 'x' })]);
    expect(verdict.equal).toBe(false);
    expect(verifyExitCode(verdict)).toBe(1);
    expect(renderVerdict(verdict)).toContain('DIFFERENT');
  });

  it('says when the rows of one are not what its hash says', () => {
    const verdict = judgeHashes([node('n1', { 64: 'b' }, ['b', 'b']), node('n2', { 64: 'b' }, ['b', 'x'])]);
    expect(verifyExitCode(verdict)).toBe(1);
    expect(renderVerdict(verdict)).toContain('DO NOT MATCH');
  });

  it('does not call healthy what it could not compare', () => {
    expect(verifyExitCode(judgeHashes([node('n1', { 1: 'a' }), down]))).toBe(3);
    const apart = judgeHashes([node('n1', { 1: 'a' }), node('n2', { 2: 'b' })]);
    expect(verifyExitCode(apart)).toBe(1);
    expect(renderVerdict(apart)).toContain('no index in common');
    expect(verifyExitCode(judgeHashes([down]))).toBe(1);
  });
});
