import type { Posted } from '../../client/composer.ts';
import type { Flushed } from '../../client/outbox.ts';
import type { Terminal } from './terminal.ts';

/** What became of something that was sent. @throws ParleyError why it is queued */
export function reportPosted(terminal: Terminal, { result, others }: Posted): void {
  const { room, seq, id, state, reason } = result;
  terminal.result({ room, seq, id, state }, state === 'sent' ? `sent, number ${seq}` : 'queued');
  if (others !== null) reportRefused(terminal, others);
  if (reason === undefined) return;
  terminal.note(`the message waits here and goes out with the next command that reaches a node.`);
  throw reason;
}

export function reportRefused(terminal: Terminal, { refused }: Flushed): void {
  for (const [txnId, error] of refused) terminal.note(`the queued message ${txnId} was refused: ${error.message}`);
}
