import { expect, it } from 'vitest';
import { LocalSignals } from '../../testing/local-signals.ts';
import { waitUntil } from '../../testing/wait-until.ts';
import { MemoryState } from '../../testing/memory-state.ts';
import { decodeSignal } from './signal-codec.ts';
import { TypingRelay } from './typing-relay.ts';
import type { AccountId, AccountName, NodeName, RoomId } from '../../protocol/ids.ts';
import type { SignalMessage } from './signal-codec.ts';

const id = (prefix: string, n: number): string =>
  prefix +
  String(n)
    .replaceAll(/\d/g, (digit) => 'abcdefghij'[Number(digit)]!)
    .padStart(26, 'z');

it('tells other nodes in one frame what many write at once: the last word of each, and no more than fits', async () => {
  const [here, there] = [new LocalSignals('n1' as NodeName), new LocalSignals('n2' as NodeName)];
  LocalSignals.link(here, there);
  const heard: (SignalMessage | undefined)[] = [];
  there.onSignal(({ payload }) => heard.push(decodeSignal(payload)));
  const relay = new TypingRelay({
    signals: here,
    hub: { listenersOf: () => new Set() },
    limits: { signalsGatherMs: 5, typingListenersMax: 1 },
    reader: () => new MemoryState(),
    nameOf: () => 'nobody' as AccountName,
  });
  const say = (n: number, active: boolean): void =>
    relay.say({ room: id('R', 1) as RoomId, account: id('A', n) as AccountId, active });
  for (let n = 0; n < 5_000; n += 1) say(n, true);
  say(3, false);
  await waitUntil(() => heard.length > 0, 5_000, 'a signal');
  const [first] = heard;
  if (first?.kind !== 'typing') throw new Error('no typing');
  expect(first.typing).toHaveLength(1_000);
  expect(first.typing.filter(({ active }) => !active)).toEqual([
    { room: id('R', 1), account: id('A', 3), active: false },
  ]);
  say(1, true);
  await waitUntil(() => heard.length > 1, 5_000, 'another signal');
  expect(heard.at(-1)).toMatchObject({ typing: [{ account: id('A', 1) }] });
  relay.stop();
});
