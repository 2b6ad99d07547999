import { Type } from '@sinclair/typebox';
import { TypeCompiler } from '@sinclair/typebox/compiler';
import { Packr } from 'msgpackr';
import { AccountIdField, RoomIdField } from '../../protocol/http/fields.ts';
import type { AccountId, RoomId } from '../../protocol/ids.ts';
import type { PresenceRow } from './presence-row.ts';

/** Somebody writes in a room, or has stopped. */
export interface TypingSignal {
  readonly room: RoomId;
  readonly account: AccountId;
  readonly active: boolean;
}

/** What nodes tell each other of those whose live feeds they hold. */
export type SignalMessage =
  | { readonly kind: 'typing'; readonly typing: readonly TypingSignal[] }
  /** Rows that changed between two versions of the sender's own; none when both are the same, as a sign of life. */
  | {
      readonly kind: 'changes';
      readonly after: number;
      readonly version: number;
      readonly rows: readonly PresenceRow[];
    }
  | { readonly kind: 'all'; readonly version: number; readonly rows: readonly PresenceRow[] }
  /** Please tell me all. */
  | { readonly kind: 'ask' };

const FORMAT = 1;
const packr = new Packr({ useRecords: false });
const Version = Type.Integer({ minimum: 0 });
const Rows = Type.Array(
  Type.Object({
    account: AccountIdField,
    status: Type.Union(['online', 'away', 'busy', 'invisible', 'offline'].map((status) => Type.Literal(status))),
    seenMs: Type.Union([Type.Number({ minimum: 0 }), Type.Null()]),
  }),
);
const Typing = Type.Array(Type.Object({ room: RoomIdField, account: AccountIdField, active: Type.Boolean() }));
const check = TypeCompiler.Compile(
  Type.Tuple([
    Type.Literal(FORMAT),
    Type.Union([
      Type.Object({ kind: Type.Literal('typing'), typing: Typing }),
      Type.Object({ kind: Type.Literal('changes'), after: Version, version: Version, rows: Rows }),
      Type.Object({ kind: Type.Literal('all'), version: Version, rows: Rows }),
      Type.Object({ kind: Type.Literal('ask') }),
    ]),
  ]),
);

export function encodeSignal(message: SignalMessage): Uint8Array {
  return packr.pack([FORMAT, message]);
}

/** Undefined for what is no signal, or one of a newer program. */
export function decodeSignal(payload: Uint8Array): SignalMessage | undefined {
  let decoded: unknown;
  try {
    decoded = packr.unpack(payload);
  } catch {
    return undefined;
  }
  return check.Check(decoded) ? (decoded[1] as SignalMessage) : undefined;
}
