import { Type } from '@sinclair/typebox';
import type { Static } from '@sinclair/typebox';
import { LIMITS } from '../limits.ts';
import { AccountIdField, AddressRangeField, NameField, strict, TimeField, TxnIdField } from './fields.ts';
import { RegistrationField } from './schemas.ts';

/** What admins of the server do: `/v1/admin/*`, with the admin token of a node or an admin's own session. */

const Person = Type.Object({ account: NameField, accountId: AccountIdField });
const EndField = Type.Union([TimeField, Type.Null()], { description: 'Null: until it is lifted.' });

// GET and PUT /v1/admin/registration.
export const RegistrationBody = Type.Object({ policy: RegistrationField, txnId: TxnIdField }, strict);
export const RegistrationReply = Type.Object({
  policy: RegistrationField,
  /** False: it is what this node was started with, as the cluster has set none. */
  set: Type.Boolean(),
});

// GET /v1/admin/admins; PUT and DELETE /v1/admin/admins/{name}.
export const AdminsReply = Type.Object({ admins: Type.Array(Person) });
export const TxnBody = Type.Object({ txnId: TxnIdField }, strict);

// GET /v1/admin/bans; PUT and DELETE /v1/admin/bans/{name}.
const banOrder = {
  reason: Type.Optional(Type.String({ maxLength: LIMITS.banReasonBytesMax, description: 'Shown to who is banned.' })),
  forMs: Type.Optional(
    Type.Integer({ minimum: 1, maximum: LIMITS.banMsMax, description: 'Without it, until the ban is lifted.' }),
  ),
  txnId: TxnIdField,
};
const banFacts = {
  /** Null: by an operator. */
  by: Type.Union([NameField, Type.Null()]),
  reason: Type.String(),
  at: TimeField,
  until: EndField,
};
export const BanBody = Type.Object(banOrder, strict);
export const BanReply = Type.Object({ account: NameField, until: EndField });
const BanJson = Type.Object({ account: NameField, accountId: AccountIdField, ...banFacts });
export const BansReply = Type.Object({ bans: Type.Array(BanJson), next: Type.Union([AccountIdField, Type.Null()]) });

// GET, PUT and DELETE /v1/admin/address-bans.
export const AddressBanBody = Type.Object({ range: AddressRangeField, ...banOrder }, strict);
export const AddressBanReply = Type.Object({ range: AddressRangeField, until: EndField });
export const AddressUnbanReply = Type.Object({ range: AddressRangeField });
const AddressBanJson = Type.Object({ range: AddressRangeField, ...banFacts });
export const AddressBansReply = Type.Object({
  bans: Type.Array(AddressBanJson),
  next: Type.Union([AddressRangeField, Type.Null()]),
});

// GET, PATCH and DELETE /v1/admin/accounts/{name}.
export const AccountStateField = Type.Union([
  Type.Literal('active'),
  Type.Literal('deactivated'),
  Type.Literal('deleted'),
]);
export const AdminAccountReply = Type.Object({
  account: NameField,
  accountId: AccountIdField,
  state: AccountStateField,
  admin: Type.Boolean(),
  createdAt: TimeField,
  devices: Type.Integer({ minimum: 0 }),
  sessions: Type.Integer({ minimum: 0 }),
  filesBytes: Type.Integer({ minimum: 0 }),
  ban: Type.Union([BanJson, Type.Null()]),
});
export const AdminAccountBody = Type.Object({ active: Type.Boolean(), txnId: TxnIdField }, strict);
// Also DELETE /v1/accounts/{name}, of one's own.
export const DeleteAccountQuery = Type.Object(
  {
    messages: Type.Optional(Type.Boolean({ description: 'What the account wrote goes too.' })),
    txnId: Type.Optional(TxnIdField),
  },
  strict,
);
export const NamedReply = Type.Object({ account: NameField });

export type RegistrationJson = Static<typeof RegistrationReply>;
export type AdminsJson = Static<typeof AdminsReply>;
export type BanReplyJson = Static<typeof BanReply>;
export type BanJsonT = Static<typeof BanJson>;
export type BansJson = Static<typeof BansReply>;
export type AddressBanReplyJson = Static<typeof AddressBanReply>;
export type AddressUnbanJson = Static<typeof AddressUnbanReply>;
export type AddressBanJsonT = Static<typeof AddressBanJson>;
export type AddressBansJson = Static<typeof AddressBansReply>;
export type AdminAccountJson = Static<typeof AdminAccountReply>;
