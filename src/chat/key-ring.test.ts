import { expect, it } from 'vitest';
import { encodeCommand } from '../protocol/command-codec.ts';
import { ChatHarness } from '../testing/chat-harness.ts';
import { beginEpoch, keyRing } from './key-ring.ts';
import { auditPage } from './queries-audit.ts';
import type { KeyCause } from '../protocol/commands.ts';

const rotate = (chat: ChatHarness, after: number, cause: KeyCause = 'scheduled', byte = after + 1): unknown =>
  chat.apply(
    encodeCommand({
      kind: 'keys.rotate',
      actor: null,
      txnId: chat.txn(),
      body: { after, cause, sealed: Uint8Array.of(byte) },
    }),
  )[0];

it('gives each key an epoch, and a key that another one came before none', () => {
  const chat = new ChatHarness();
  expect(rotate(chat, 0, 'founded')).toEqual({ ok: true, value: { epoch: 1 } });
  expect(rotate(chat, 1)).toEqual({ ok: true, value: { epoch: 2 } });
  expect(rotate(chat, 1, 'scheduled', 99)).toEqual({ ok: true, value: { epoch: 2 } });
  expect(keyRing(chat.view)).toMatchObject({ epoch: 2, cause: 'scheduled' });
  expect([...keyRing(chat.view)!.sealed]).toEqual([2]);
  beginEpoch(chat.view, { at: chat.stampMs, cause: 'removal', sealed: Uint8Array.of(7) });
  expect(keyRing(chat.view)).toMatchObject({ epoch: 3, cause: 'removal' });
  expect(rotate(chat, 2)).toEqual({ ok: true, value: { epoch: 3 } });
});

it('is the leader’s own, and told in the audit log but for what a node tells itself', async () => {
  const chat = new ChatHarness();
  const ann = chat.register('ann');
  const body = { after: 0, cause: 'asked', sealed: Uint8Array.of(1) } as const;
  // With the admin token of a node neither.
  for (const actor of [ann, null]) expect(chat.code('keys.rotate', actor, body)).toBe('forbidden');
  rotate(chat, 0, 'founded');
  rotate(chat, 1, 'asked');
  rotate(chat, 2, 'scheduled');
  const { rows } = await auditPage(chat.view, { reverse: false, limit: 100 });
  expect(rows.filter(({ act }) => act === 'keys.rotated').map(({ role, subject }) => [role, subject.value])).toEqual([
    ['cluster', 'founded'],
    ['cluster', 'scheduled'],
  ]);
});
