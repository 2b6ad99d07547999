import type { StateView } from '../../chat/ports.ts';
import type { BatchOutcome, CommittedBatch, StateMachine } from '../../node/raft/state-machine.ts';
import { insist } from './violation.ts';

/** A command of the tiny state machine: append `txn` to the list of `room`. */
export interface ListCommand {
  readonly room: string;
  readonly txn: string;
}

/** Where the transaction stands in its room's list, from 1; the same for every repetition. */
export interface ListResult {
  readonly room: string;
  readonly txn: string;
  readonly seq: number;
}

export interface ListEvent extends ListResult {
  readonly index: number;
}

/** ASCII only, and faster for a few bytes than the coders of the platform. */
const encode = (text: string): Uint8Array => {
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at += 1) bytes[at] = text.charCodeAt(at);
  return bytes;
};

const decode = (bytes: Uint8Array): string => {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
};

export const encodeListCommand = ({ room, txn }: ListCommand): Uint8Array => encode(`${room} ${txn}`);

const decodeListCommand = (bytes: Uint8Array): ListCommand => {
  const text = decode(bytes);
  const space = text.indexOf(' ');
  insist(space > 0, 'command', () => 'a command was altered');
  return { room: text.slice(0, space), txn: text.slice(space + 1) };
};

export const lengthKey = (room: string): string => `n/${room}`;
export const itemKey = (room: string, seq: number): string => `r/${room}/${seq}`;
const txnKey = (txn: string): string => `t/${txn}`;

export const readNumber = (bytes: Uint8Array | undefined): number => (bytes === undefined ? 0 : Number(decode(bytes)));
export const readText = (bytes: Uint8Array | undefined): string | undefined => bytes && decode(bytes);

export interface ListMachineOptions {
  /** Planted bug: a repeated transaction is appended again. */
  readonly forgetsTransactions: boolean;
}

/** Lists of transactions, one for each room, each transaction once: the shape of a chat without its contents. */
export class ListMachine implements StateMachine<ListResult, ListEvent> {
  readonly #options: ListMachineOptions;
  #lastStampMs = 0;

  constructor(options: ListMachineOptions = { forgetsTransactions: false }) {
    this.#options = options;
  }

  apply(view: StateView, batch: CommittedBatch): BatchOutcome<ListResult, ListEvent> {
    insist(batch.stampMs >= this.#lastStampMs, 'stamp', () => `${batch.stampMs} after ${this.#lastStampMs}`);
    this.#lastStampMs = batch.stampMs;
    const events: ListEvent[] = [];
    const results = batch.items.map(({ command }) => {
      const { room, txn } = decodeListCommand(command);
      const known = this.#options.forgetsTransactions ? 0 : readNumber(view.get(txnKey(txn)));
      if (known > 0) return { room, txn, seq: known };
      const seq = readNumber(view.get(lengthKey(room))) + 1;
      view.put(lengthKey(room), encode(String(seq)));
      view.put(itemKey(room, seq), encode(txn));
      view.put(txnKey(txn), encode(String(seq)));
      events.push({ room, txn, seq, index: batch.index });
      return { room, txn, seq };
    });
    return { results, events };
  }
}
