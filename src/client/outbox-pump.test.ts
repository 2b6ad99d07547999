import { describe, expect, it } from 'vitest';
import { encodeContent } from '../protocol/content.ts';
import { ParleyError } from '../protocol/errors.ts';
import { makeTxnId } from '../protocol/txn-id.ts';
import { waitUntil } from '../testing/wait-until.ts';
import { OutboxPump } from './outbox-pump.ts';
import type { DeviceId, RoomId, TxnId } from '../protocol/ids.ts';
import type { Flushed, Outbox } from './outbox.ts';
import type { Platform } from './platform.ts';
import type { OutboxRow } from './rows.ts';

const MS_MAX = 5_000;
const ROOM = 'R' as RoomId;
const away = new ParleyError('cannot_connect', 'Nobody answers.');

/** An outbox whose nodes do what a test says. */
class FakeOutbox {
  rows: OutboxRow[] = [];
  attempts = 0;
  /** What becomes of each message; an error is thrown. */
  nodes: (row: OutboxRow) => 'sent' | 'refused' | 'kept' | ParleyError = () => 'sent';
  /** How often all of it may be looked at before the store fails. */
  readsMax = Number.POSITIVE_INFINITY;
  #counter = 0;

  add(text: string): void {
    this.#counter += 1;
    const txnId = makeTxnId(1_000_000 + this.#counter, new Uint8Array(10));
    const content = encodeContent({ type: 'text', text });
    this.rows.push({ txnId, room: ROOM, peer: null, content, r: new Uint8Array(32), counter: this.#counter });
  }

  async pending(): Promise<readonly OutboxRow[]> {
    if (--this.readsMax < 0) throw new ParleyError('home_damaged');
    return [...this.rows];
  }

  async flush(): Promise<Flushed> {
    this.attempts += 1;
    const flushed = {
      sent: new Map<TxnId, { room: RoomId; seq: number; id: never; sentAt: string }>(),
      refused: new Map<TxnId, ParleyError>(),
      kept: new Map<TxnId, ParleyError>(),
    };
    for (const row of [...this.rows]) {
      const fate = this.nodes(row);
      if (fate instanceof ParleyError) throw fate;
      if (fate === 'kept') {
        flushed.kept.set(row.txnId, away);
        continue;
      }
      if (fate === 'sent') flushed.sent.set(row.txnId, { room: ROOM, seq: row.counter, id: '' as never, sentAt: '' });
      else flushed.refused.set(row.txnId, new ParleyError('muted'));
      this.rows = this.rows.filter((one) => one !== row);
    }
    return flushed;
  }
}

interface Story {
  readonly pump: OutboxPump;
  readonly outbox: FakeOutbox;
  readonly told: string[];
  /** How long it wanted to pause, each time. */
  readonly pauses: number[];
  /** Ends the pause that it is in. */
  readonly wake: () => void;
}

function begin(): Story {
  const outbox = new FakeOutbox();
  const told: string[] = [];
  const pauses: number[] = [];
  let wake = (): void => {};
  const platform = {
    chance: () => 0.5,
    pause: (ms: number, signal?: AbortSignal) =>
      new Promise<void>((resolve) => {
        pauses.push(ms);
        wake = resolve;
        signal?.addEventListener('abort', () => resolve());
      }),
  } as Pick<Platform, 'chance' | 'pause'> as Platform;
  const textOf = ({ content }: { content: object }): string => ('text' in content ? String(content.text) : '');
  const pump = new OutboxPump(outbox as unknown as Outbox, platform, 'D' as DeviceId, {
    waiting: (pending) => told.push(`waiting ${pending.map(textOf).join('+')}`),
    sent: (message, { seq }) => told.push(`sent ${textOf(message)} ${seq}`),
    refused: (message, { code }) => told.push(`refused ${textOf(message)} ${code}`),
    stuck: (reason) => told.push(`stuck ${reason?.code ?? 'no'}`),
    uploaded: () => {},
  });
  return { pump, outbox, told, pauses, wake: () => wake() };
}

describe('the pump of the outbox', () => {
  it('tells what was sent before it is told to wait no longer', async () => {
    const { pump, outbox, told } = begin();
    outbox.add('a');
    outbox.add('b');
    pump.kick();
    await waitUntil(() => told.includes('stuck no'), MS_MAX);
    expect(told).toEqual(['waiting a+b', 'sent a 1', 'sent b 2', 'waiting ', 'stuck no']);
  });

  it('gives back what can never be sent, and goes on', async () => {
    const { pump, outbox, told } = begin();
    outbox.nodes = ({ counter }) => (counter === 1 ? 'refused' : 'sent');
    outbox.add('a');
    outbox.add('b');
    pump.kick();
    await waitUntil(() => told.includes('stuck no'), MS_MAX);
    expect(told).toEqual(['waiting a+b', 'refused a muted', 'sent b 2', 'waiting ', 'stuck no']);
  });

  it('waits longer each time that nothing gets through, and not at all once it is told that it may', async () => {
    const { pump, outbox, told, pauses, wake } = begin();
    outbox.nodes = () => away;
    outbox.add('a');
    pump.kick();
    for (let times = 1; times <= 7; times++) {
      await waitUntil(() => pauses.length === times, MS_MAX);
      wake();
    }
    await waitUntil(() => pauses.length === 8, MS_MAX);
    expect(pauses).toEqual([1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000, 15_000]);
    expect(told.at(-1)).toBe('stuck cannot_connect');
    outbox.nodes = () => 'sent';
    pump.kick();
    await waitUntil(() => told.includes('sent a 1'), MS_MAX);
    expect(told.at(-1)).toBe('stuck no');
  });

  it('begins with short pauses again when something got through', async () => {
    const { pump, outbox, pauses, wake } = begin();
    outbox.nodes = () => away;
    outbox.add('a');
    pump.kick();
    for (let times = 1; times <= 3; times++) {
      await waitUntil(() => pauses.length === times, MS_MAX);
      if (times === 2) outbox.nodes = ({ counter }) => (counter === 1 ? 'sent' : 'kept');
      if (times === 2) outbox.add('b');
      wake();
    }
    await waitUntil(() => pauses.length === 4, MS_MAX);
    expect(pauses.slice(2)).toEqual([500, 1_000]);
    pump.stop();
  });

  it('tells when the store fails, and tries again when it is kicked', async () => {
    const { pump, outbox, told } = begin();
    outbox.add('a');
    outbox.readsMax = 0;
    pump.kick();
    await waitUntil(() => told.length > 0, MS_MAX);
    expect(told).toEqual(['stuck home_damaged']);
    outbox.readsMax = 10;
    pump.kick();
    await waitUntil(() => told.includes('sent a 1'), MS_MAX);
  });

  it('does nothing any more once it is stopped', async () => {
    const { pump, outbox, pauses } = begin();
    outbox.nodes = () => away;
    outbox.add('a');
    pump.kick();
    await waitUntil(() => pauses.length === 1, MS_MAX);
    pump.stop();
    pump.kick();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(outbox.attempts).toBe(1);
  });
});
