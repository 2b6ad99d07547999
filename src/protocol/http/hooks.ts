import { Type } from '@sinclair/typebox';
import type { Static } from '@sinclair/typebox';
import { LIMITS } from '../limits.ts';
import {
  AccountIdField,
  CursorField,
  DeviceIdField,
  Key32,
  NameField,
  RoomIdField,
  Signature64,
  strict,
  TimeField,
  TxnIdField,
} from './fields.ts';

/** Webhooks into open rooms. */

const HOOK_TEXT_CHARS_MAX = 16 * 1024;
const USERNAME_CHARS_MAX = 128;

const HookName = Type.String({
  maxLength: LIMITS.hookNameBytesMax,
  pattern: '\\S',
  description: 'One line of text.',
});
const HookIdField = Type.String({ ...DeviceIdField, description: 'A webhook’s id: D…, as of devices.' });

// POST /v1/rooms/{room}/hooks (owner and admins): the secret stays with who makes it.
export const HookBody = Type.Object(
  { name: HookName, signingKey: Key32, signature: Signature64, txnId: TxnIdField },
  strict,
);
export const HookReply = Type.Object({ room: RoomIdField, hook: HookIdField, cursor: CursorField });
// GET /v1/rooms/{room}/hooks (members): removed ones too, by which what they said is verified.
export const HooksReply = Type.Object({
  hooks: Type.Array(
    Type.Object({
      hook: HookIdField,
      name: HookName,
      account: NameField,
      accountId: AccountIdField,
      signingKey: Key32,
      signature: Signature64,
      createdAt: TimeField,
      removed: Type.Boolean(),
    }),
  ),
});
// DELETE /v1/rooms/{room}/hooks/{hook}, POST /v1/hooks/{hook}.
export const RoomHookPath = Type.Object({ room: RoomIdField, hook: HookIdField }, strict);
export const HookPath = Type.Object({ hook: HookIdField }, strict);
/** As the incoming webhooks of Slack and Mattermost take it; what only changes how it looks there is passed over. */
export const HookMessageBody = Type.Object({
  text: Type.String({ minLength: 1, maxLength: HOOK_TEXT_CHARS_MAX }),
  username: Type.Optional(Type.String({ maxLength: USERNAME_CHARS_MAX })),
});

export type HookJson = Static<typeof HooksReply>['hooks'][number];
