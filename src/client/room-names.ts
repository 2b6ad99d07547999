import { fromBase64Url, toBase64Url } from '../protocol/base64url.ts';
import { decodeContent, encodeContent } from '../protocol/content.ts';
import { decodeEnvelope } from '../protocol/envelope.ts';
import { ParleyError } from '../protocol/errors.ts';
import { meetPerson } from './meet-person.ts';
import { rosterOf } from './rosters.ts';
import type { DeviceId, RoomId, TxnId } from '../protocol/ids.ts';
import type { ClientContext } from './context.ts';
import type { KnownDevice, KnownPerson } from './people.ts';

/** What makes the author of a name doubtful, and the name unread; the rest of the room is judged when it is used. */
const DOUBTS: ReadonlySet<string> = new Set(['user_key_changed', 'invalid_signature', 'no_such_room', 'no_such_user']);

/** What a room is called, and what it is about. */
export interface RoomMeta {
  readonly name: string;
  readonly topic?: string;
}

/** A name as nodes show it. */
export interface Named {
  readonly sealedMeta?: string | undefined;
  /** For open rooms, whose members are not known one by one: who gave it. */
  readonly namedBy?: string | undefined;
}

export interface NameToSeal {
  readonly room: RoomId;
  readonly rosterVersion: number;
  readonly meta: RoomMeta;
  readonly people: readonly KnownPerson[];
  readonly txnId: TxnId;
}

/** @returns the sealed name as the API takes it */
export async function sealRoomName(context: ClientContext, toSeal: NameToSeal): Promise<string> {
  const { room, rosterVersion, meta, people, txnId } = toSeal;
  const { keys } = await context.own();
  const envelope = context.conversation.seal({
    purpose: 'room-meta',
    cluster: await context.cluster(),
    room,
    rosterVersion,
    sender: { device: keys.device, signingSecret: keys.signing.secretKey },
    txnId,
    recipients: people.flatMap(({ devices }) => devices),
    content: encodeContent({ type: 'room-meta', ...meta }),
    r: context.platform.random(32),
    senderCounter: 0,
  });
  return toBase64Url(envelope);
}

/**
 * @returns null where this device cannot read it, or nobody vouches for who wrote it
 * @throws ParleyError when a node has to be asked for the author's devices and none answers
 */
export async function openRoomMeta(
  context: ClientContext,
  room: RoomId,
  { sealedMeta, namedBy }: Named,
  deadlineMs: number,
): Promise<RoomMeta | null> {
  if (sealedMeta === undefined) return null;
  const envelopeBytes = fromBase64Url(sealedMeta);
  const author = authorOf(envelopeBytes);
  const sender = author === null ? undefined : await deviceIn(context, { room, namedBy }, author, deadlineMs);
  if (sender === undefined) return null;
  const { keys } = await context.own();
  const opened = context.conversation.open({
    purpose: 'room-meta',
    cluster: await context.cluster(),
    room,
    envelopeBytes,
    own: { device: keys.device, sealing: keys.sealing },
    sender,
  });
  if (!opened.ok) return null;
  const decoded = decodeContent(opened.content);
  if (!decoded.ok || decoded.content.type !== 'room-meta') return null;
  const { name, topic } = decoded.content;
  return topic === undefined ? { name } : { name, topic };
}

function authorOf(envelopeBytes: Uint8Array): DeviceId | null {
  try {
    return decodeEnvelope(envelopeBytes).header.sender;
  } catch {
    return null;
  }
}

async function deviceIn(
  context: ClientContext,
  { room, namedBy }: { readonly room: RoomId } & Pick<Named, 'namedBy'>,
  device: DeviceId,
  deadlineMs: number,
): Promise<KnownDevice | undefined> {
  const known = await context.people.device(device);
  if (known !== undefined) return known;
  try {
    if (namedBy === undefined) await rosterOf(context, room, deadlineMs);
    else await meetPerson(context, namedBy, deadlineMs);
  } catch (error) {
    if (!(error instanceof ParleyError) || !DOUBTS.has(error.code)) throw error;
  }
  return context.people.device(device);
}
