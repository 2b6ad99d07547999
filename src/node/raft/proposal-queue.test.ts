import { describe, expect, it } from 'vitest';
import type { NodeName } from '../../protocol/ids.ts';
import { ProposalQueue, type Proposal } from './proposal-queue.ts';

const BOUNDS = { itemsMax: 5, bytesMax: 10_000, batchBytesPreferred: 1_000, batchItemsMax: 3 };

const proposal = (serial: number, fields: Partial<Proposal> = {}): Proposal => ({
  boot: 1,
  serial,
  command: new Uint8Array(10),
  origin: null,
  expiresAtMs: 1_000,
  ...fields,
});

const serials = (proposals: readonly Proposal[]): number[] => proposals.map(({ serial }) => serial);

describe('ProposalQueue', () => {
  it('hands out batches in the order of arrival, bounded by count', () => {
    const queue = new ProposalQueue(BOUNDS);
    for (let serial = 1; serial <= 5; serial += 1) expect(queue.push(proposal(serial))).toBe('taken');
    expect(serials(queue.peekBatch())).toEqual([1, 2, 3]);
    queue.remove(3);
    expect(serials(queue.peekBatch())).toEqual([4, 5]);
    queue.remove(2);
    expect(queue.length).toBe(0);
    expect(queue.peekBatch()).toEqual([]);
  });

  it('prefers a size, but lets a single larger command through', () => {
    const queue = new ProposalQueue(BOUNDS);
    queue.push(proposal(1, { command: new Uint8Array(2_000) }));
    queue.push(proposal(2, { command: new Uint8Array(600) }));
    queue.push(proposal(3, { command: new Uint8Array(600) }));
    expect(serials(queue.peekBatch())).toEqual([1]);
    queue.remove(1);
    expect(serials(queue.peekBatch())).toEqual([2]);
  });

  it('refuses what exceeds its bounds, and takes it once there is room', () => {
    const queue = new ProposalQueue(BOUNDS);
    for (let serial = 1; serial <= 5; serial += 1) queue.push(proposal(serial));
    expect(queue.push(proposal(6))).toBe('full');
    queue.remove(1);
    expect(queue.push(proposal(6))).toBe('taken');
    const large = new ProposalQueue(BOUNDS);
    large.push(proposal(1, { command: new Uint8Array(9_000) }));
    expect(large.push(proposal(2, { command: new Uint8Array(2_000) }))).toBe('full');
  });

  it('knows a command from its arrival until it is applied', () => {
    const queue = new ProposalQueue(BOUNDS);
    queue.push(proposal(1));
    expect(queue.push(proposal(1))).toBe('known');
    expect(queue.push(proposal(1, { boot: 2 }))).toBe('taken');
    queue.remove(2);
    expect(queue.push(proposal(1))).toBe('known');
    queue.applied(1, 1);
    expect(queue.push(proposal(1))).toBe('taken');
  });

  it('drops commands that nobody waits for', () => {
    const queue = new ProposalQueue(BOUNDS);
    queue.push(proposal(1, { expiresAtMs: 10 }));
    queue.push(proposal(2, { expiresAtMs: 20 }));
    queue.push(proposal(3));
    queue.dropExpired(20);
    expect(serials(queue.peekBatch())).toEqual([3]);
    expect(queue.push(proposal(1))).toBe('taken');
  });

  it('gives back what was not proposed when leadership ends', () => {
    const queue = new ProposalQueue(BOUNDS);
    queue.push(proposal(1));
    queue.push(proposal(2, { origin: 'n2' as NodeName }));
    queue.remove(1);
    expect(serials(queue.clear())).toEqual([2]);
    expect(queue.length).toBe(0);
    expect(queue.push(proposal(2))).toBe('taken');
  });
});
