import { describe, expect, it } from 'vitest';
import { checkHistory } from './checker.ts';
import type { HistoryRecord } from './history.ts';

const ROOM = 'r';
const send = (op: number, t: number, txnId = `t${op}`, body: string | null = `b${op}`): HistoryRecord => ({
  type: 'invoke',
  t,
  op,
  node: 'n1',
  call: { kind: 'send', room: ROOM, txnId, body },
});
const ok = (op: number, t: number, seq: number): HistoryRecord => ({ type: 'ok', t, op, seq, node: 'n1' });
const message = (seq: number, n = seq): { seq: number; txnId: string; body: string } => ({
  seq,
  txnId: `t${n}`,
  body: `b${n}`,
});
const final = (node: string, ...messages: ReturnType<typeof message>[]): HistoryRecord => ({
  type: 'final',
  node,
  room: ROOM,
  messages,
});
const delivered = (seq: number, body: string | null = `b${seq}`, n = seq): HistoryRecord => ({
  type: 'delivered',
  t: 100,
  feed: 'f',
  node: 'n1',
  room: ROOM,
  seq,
  txnId: `t${n}`,
  body,
});
const clean = [send(1, 0), ok(1, 10, 1), send(2, 20), ok(2, 30, 2), send(3, 40)];
const kinds = (...history: HistoryRecord[]): string[] => checkHistory(history).violations.map(({ kind }) => kind);

describe('checkHistory', () => {
  it('finds nothing in a sound history, in which an unanswered send may or may not have happened', () => {
    expect(kinds(...clean, final('n1', message(1), message(2)), final('n2', message(1), message(2)))).toEqual([]);
    expect(kinds(...clean, final('n1', message(1), message(2), message(3)), delivered(1), delivered(2))).toEqual([]);
    expect(checkHistory(clean)).toMatchObject({ ok: 2, fail: 0, info: 1 });
  });

  it('sees an acknowledged message that one node lacks', () => {
    expect(kinds(...clean, final('n1', message(1), message(2)), final('n2', message(1)))).toContain('lost');
  });

  it('sees a transaction that stands twice', () => {
    expect(kinds(...clean, final('n1', message(1), message(2), message(3, 2)))).toContain('dup');
  });

  it('sees one transaction acknowledged at two places', () => {
    expect(kinds(send(1, 0), ok(1, 5, 1), send(2, 6, 't1', 'b1'), ok(2, 9, 2))).toContain('dup');
  });

  it('sees an order against real time', () => {
    expect(kinds(send(1, 0), ok(1, 10, 2), send(2, 20), ok(2, 30, 1))).toContain('order');
  });

  it('accepts either order for concurrent sends', () => {
    expect(kinds(send(1, 0), send(2, 1), ok(2, 9, 1), ok(1, 10, 2))).toEqual([]);
  });

  it('sees a message at another place than acknowledged', () => {
    expect(kinds(...clean, final('n1', message(1, 2), message(2, 1)))).toContain('order');
  });

  it('sees a body that nobody sent', () => {
    expect(kinds(...clean, final('n1', message(1), { seq: 2, txnId: 't2', body: 'x' }))).toContain('altered');
    expect(kinds(...clean, final('n1', message(1), message(2), message(3, 9)))).toContain('altered');
  });

  it('sees nodes that disagree', () => {
    const nodes = [final('n1', message(1), message(2)), final('n2', message(1), { seq: 2, txnId: 't2', body: 'x' })];
    expect(kinds(...clean, ...nodes)).toContain('altered');
  });

  it('sees a hole in a room and in a feed', () => {
    expect(kinds(...clean, final('n1', message(1), message(3)))).toContain('gap');
    expect(kinds(...clean, delivered(1), delivered(3))).toContain('gap');
  });

  it('sees a message delivered twice, or otherwise than it stands', () => {
    expect(kinds(...clean, delivered(1), delivered(1))).toContain('dup');
    expect(kinds(...clean, final('n1', message(1), message(2)), delivered(1, 'x'))).toContain('altered');
  });

  it('takes each envelope that a client made of a message, and no other', () => {
    const sealed: HistoryRecord[] = ['a', 'b'].map((body) => ({ type: 'sealed', t: 1, op: 1, body }));
    const shown = (body: string): HistoryRecord => final('n1', { seq: 1, txnId: 't1', body });
    for (const body of ['a', 'b']) expect(kinds(send(1, 0, 't1', null), ...sealed, shown(body))).toEqual([]);
    expect(kinds(send(1, 0, 't1', null), ...sealed, shown('c'))).toEqual(['altered']);
    const read = [...clean, final('n1', message(1), message(2))];
    expect(kinds(...read, delivered(1, null), delivered(2, null))).toEqual([]);
    expect(kinds(...read, delivered(1, null, 2))).toEqual(['altered']);
  });

  it('sees a stale linearizable read', () => {
    const read: HistoryRecord = { type: 'invoke', t: 40, op: 9, node: 'n2', call: { kind: 'read', room: ROOM } };
    expect(kinds(...clean, read, ok(9, 50, 1))).toContain('stale');
    expect(kinds(...clean, read, ok(9, 50, 2))).toEqual([]);
  });

  it('sees what a deposed leader answers while it is cut off, and nothing else', () => {
    const deposed: HistoryRecord = { type: 'deposed', t: 35, node: 'n1' };
    const mended: HistoryRecord = { type: 'mended', t: 60, node: 'n1' };
    expect(kinds(deposed, send(3, 40), ok(3, 50, 3), mended)).toEqual(['deposed']);
    expect(kinds(deposed, send(3, 40), ok(3, 50, 3))).toEqual(['deposed']);
    expect(kinds(deposed, send(3, 30), ok(3, 50, 3), mended), 'sent before').toEqual([]);
    expect(kinds(deposed, send(3, 40), mended, ok(3, 70, 3)), 'answered afterwards').toEqual([]);
    expect(kinds({ ...deposed, node: 'n2' }, send(3, 40), ok(3, 50, 3), mended), 'elsewhere').toEqual([]);
  });

  it('sees state hashes that differ at one index', () => {
    const hash = (node: string, value: string): HistoryRecord => ({ type: 'state-hash', node, index: 7, hash: value });
    expect(kinds(hash('n1', 'a'), hash('n2', 'b'))).toEqual(['altered']);
  });
});
