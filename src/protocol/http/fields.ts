import { Type } from '@sinclair/typebox';

/** The fields that requests, answers and frames are made of. Sizes are of the encoded text. */
export const bytesField = (bytesMin: number, bytesMax: number, description: string) =>
  Type.String({
    description: `${description} (base64url without padding)`,
    pattern: '^[A-Za-z0-9_-]*$',
    minLength: Math.ceil((bytesMin * 4) / 3),
    maxLength: Math.ceil((bytesMax * 4) / 3),
  });

export const Key32 = bytesField(32, 32, '32-byte public key');
export const Hash32 = bytesField(32, 32, 'SHA-256');
export const Signature64 = bytesField(64, 64, 'Ed25519 signature');

export const NameField = Type.String({ pattern: '^[a-z0-9._-]{2,32}$', description: 'Account name, without @.' });
export const AccountIdField = Type.String({ pattern: '^A[a-z2-7]{26}$', description: 'An account’s id: A…' });
export const DeviceIdField = Type.String({ pattern: '^D[a-z2-7]{26}$', description: 'A device’s id: D…' });
export const SessionIdField = Type.String({ pattern: '^S[a-z2-7]{26}$', description: 'A session’s id: S…' });
export const RoomIdField = Type.String({
  pattern: '^[OR][a-z2-7]{26}$',
  description: 'A room’s id: R…, or O… for open rooms.',
});
export const ClusterIdField = Type.String({ pattern: '^C[a-z2-7]{26}$', description: 'The cluster’s id: C…' });
export const NodeNameField = Type.String({ pattern: '^[a-z][a-z0-9-]{0,31}$', description: 'A node’s name, as n1.' });
export const AddressRangeField = Type.String({
  minLength: 2,
  maxLength: 64,
  description: 'An IPv4 or IPv6 address, or a range as 203.0.113.0/24 or 2001:db8::/32.',
});
export const LockNameField = Type.String({
  pattern: '^(?:[OR][a-z2-7]{26}/)?[A-Za-z0-9._:-]{1,128}$',
  description: 'Up to 128 of A–Z a–z 0–9 . _ : -; behind `ROOM/` for a lock of that room’s members.',
});
export const FencingTokenField = Type.Integer({
  minimum: 1,
  maximum: Number.MAX_SAFE_INTEGER,
  description:
    'Greater than that of every earlier grant: what the lock protects refuses smaller ones than it has seen.',
});
export const TxnIdField = Type.String({
  pattern: '^[0-7][0-9A-HJKMNP-TV-Z]{25}$',
  description: 'ULID made by the client; a retry carries the same one.',
});
export const BlobIdField = Type.String({ pattern: '^B[a-z2-7]{51}[aq]$', description: 'Hash of a file’s ciphertext.' });
export const SeqField = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
export const TimeField = Type.String({ description: 'RFC 3339, UTC, with milliseconds.' });
export const CursorField = Type.String({
  maxLength: 128,
  pattern: '^[A-Za-z0-9_-]+$',
  description: 'Opaque; every node understands it.',
});
export const EnvelopeField = bytesField(1, 64 * 1024, 'Sealed envelope');
export const strict = { additionalProperties: false } as const;
