import { fromBase64Url } from '../protocol/base64url.ts';
import { decodeContent } from '../protocol/content.ts';
import { ParleyError } from '../protocol/errors.ts';
import { hookOf } from './hooks.ts';
import { KEY, pack, unpack } from './rows.ts';
import type { GoneReason } from '../protocol/events.ts';
import type { Content } from '../protocol/content.ts';
import type { Relation } from '../protocol/envelope-extensions.ts';
import type { OpenFailure } from '../crypto/conversation.ts';
import type { MessageJsonT } from '../protocol/http/schemas.ts';
import type { AccountId, AccountName, DeviceId, RoomId, TxnId } from '../protocol/ids.ts';
import type { ClientContext } from './context.ts';
import type { OpenResult } from '../crypto/conversation.ts';
import type { KnownHook } from './hooks.ts';
import type { KnownDevice } from './people.ts';
import type { Rooms } from './rooms.ts';
import type { FileRow, LatestRow } from './rows.ts';
import type { StoreTransaction } from './store.ts';

const PERSON_MS_MAX = 10_000;
/** Opened one after the other before a screen may draw again: each takes a millisecond or two. */
const OPENED_AT_ONCE = 8;

export type UnreadableReason =
  | OpenFailure
  /** The sending device is not one that its account vouches for. */
  | 'unknown_device'
  /** The sender's key is not the pinned one. */
  | 'user_key_changed'
  /** A node showed an envelope under another id than its own, or as somebody else's. */
  | 'wrong_id'
  /** This message was delivered before, at another place. */
  | 'duplicate';

export interface MessageLine {
  readonly room: RoomId;
  readonly seq: number;
  readonly id: string;
  /** Account name, without @; `account` is the same. */
  readonly from: AccountName;
  readonly account: AccountName;
  readonly device: DeviceId;
  readonly sentAt: string;
  /** Null when it cannot be read; then `unreadable` or `gone` says why. Null for a reaction, too. */
  readonly text: string | null;
  readonly unreadable?: UnreadableReason;
  /** Nothing stands here any more. */
  readonly gone?: GoneReason;
  /**
   * The sender counted its messages in another order than they stand in: a node moved them, or the device went on from
   * an old copy of its store. The text is the sender's all the same.
   */
  readonly outOfOrder?: true;
  /** The message that this one answers. */
  readonly replyTo?: number;
  /** The message that began the thread to which this one belongs. */
  readonly thread?: number;
  /** Those it names, as far as this client knows their names. */
  readonly mentions?: readonly AccountName[];
  /** The message of which `text` is the new text. */
  readonly edits?: number;
  /** The message to which `reaction` is one. */
  readonly reactsTo?: number;
  readonly reaction?: string;
  /** The webhook by which it was said, for `from`. */
  readonly hook?: string;
  /** The file that it brings; `text` is what is said of it, maybe nothing. */
  readonly file?: FileJson;
}

export interface FileJson {
  readonly name: string;
  readonly mediaType: string;
  readonly sizeBytes: number;
  readonly blob: string;
}

/** What people read of it. */
type Said = Pick<
  MessageLine,
  'text' | 'replyTo' | 'thread' | 'mentions' | 'edits' | 'reactsTo' | 'reaction' | 'file' | 'hook'
>;

/** What the sender signed about a message beside its content. */
interface Claimed {
  readonly txnId: TxnId;
  readonly counter: number;
}

type Opened =
  | ({ readonly said: Said; readonly content: Content; readonly outOfOrder?: true } & Claimed)
  | ({ readonly unreadable: UnreadableReason } & Partial<Claimed>)
  | { readonly gone: GoneReason; readonly txnId?: undefined };

/** A device, or a webhook, which has a name. */
type KnownSender = KnownDevice & Partial<Pick<KnownHook, 'name'>>;

/** Turns envelopes into what people read. Nothing is taken from a node on trust; nothing is left out silently. */
export class Reader {
  readonly #context: ClientContext;
  readonly #rooms: Rooms;

  constructor(context: ClientContext, rooms: Rooms) {
    this.#context = context;
    this.#rooms = rooms;
  }

  /** @throws ParleyError when a node has to be asked for a sender's devices and none answers */
  async read(messages: readonly MessageJsonT[]): Promise<MessageLine[]> {
    const opened: Opened[] = [];
    const senders = new Map<string, KnownSender | UnreadableReason>();
    for (const [i, message] of messages.entries()) {
      if (i > 0 && i % OPENED_AT_ONCE === 0) await this.#context.platform.pause(0);
      if (message.gone !== undefined) {
        opened.push({ gone: message.gone });
        continue;
      }
      const who = `${message.device} ${message.fromId} ${message.from}`;
      const sender = senders.get(who) ?? (await this.#sender(message));
      senders.set(who, sender);
      opened.push(await this.#open(message, sender));
    }
    return this.#context.platform.store.transaction(async (tx) => {
      const lines: MessageLine[] = [];
      for (const [i, message] of messages.entries())
        lines.push(lineOf(message, await onlyOnce(tx, message, opened[i]!)));
      return lines;
    });
  }

  async #open(message: MessageJsonT, sender: KnownSender | UnreadableReason): Promise<Opened> {
    if (typeof sender === 'string') return { unreadable: sender };
    const opened = await this.#unseal(message, sender);
    if (!opened.ok) return { unreadable: opened.reason };
    const { txnId, relation, senderCounter: counter } = opened.header;
    if (message.id !== `${txnId}-${sender.device}`) return { unreadable: 'wrong_id' };
    const decoded = decodeContent(opened.content);
    if (!decoded.ok) return { unreadable: decoded.reason, txnId, counter };
    const said = await this.#said(decoded.content, relation);
    if (typeof said === 'string') return { unreadable: said, txnId, counter };
    const by = sender.name === undefined ? {} : { hook: sender.name };
    return { said: { ...said, ...by }, txnId, counter, content: decoded.content };
  }

  async #unseal(message: MessageJsonT, sender: KnownDevice): Promise<OpenResult> {
    const { keys } = await this.#context.own();
    return this.#context.conversation.open({
      purpose: 'message',
      cluster: await this.#context.cluster(),
      room: message.room as RoomId,
      envelopeBytes: fromBase64Url(message.envelope!),
      own: { device: keys.device, sealing: keys.sealing },
      sender,
    });
  }

  /**
   * What shows to others what was written: the content, and what opens its tag.
   * @throws ParleyError `unreadable`, `no_such_message` when it is gone
   */
  async reveal(message: MessageJsonT): Promise<{ readonly content: Uint8Array; readonly r: Uint8Array }> {
    if (message.envelope === undefined) throw new ParleyError('no_such_message');
    const sender = await this.#sender(message);
    const opened = typeof sender === 'string' ? null : await this.#unseal(message, sender);
    if (opened?.ok !== true) throw new ParleyError('unreadable');
    return { content: opened.content, r: opened.r };
  }

  /** Or why it says nothing: a content must do what its header tells nodes that it does. */
  async #said(content: Content, relation: Relation | undefined): Promise<Said | UnreadableReason> {
    if (content.type === 'room-meta') return 'unsupported';
    const isRelated = content.type === 'edit' || content.type === 'reaction';
    if (isRelated ? content.type !== relation?.type : relation !== undefined) return 'malformed';
    switch (content.type) {
      case 'text':
      case 'file': {
        const { text = '', replyTo, thread, mentions } = content;
        const answers = { ...(replyTo === undefined ? {} : { replyTo }), ...(thread === undefined ? {} : { thread }) };
        return { text, ...answers, ...(await this.#mentioned(mentions)), ...fileIn(content) };
      }
      case 'edit':
        return { text: content.text, edits: relation!.seq, ...(await this.#mentioned(content.mentions)) };
      case 'reaction':
        break;
    }
    return { text: null, reactsTo: relation!.seq, reaction: content.reaction };
  }

  async #mentioned(accounts: readonly string[] | undefined): Promise<Pick<Said, 'mentions'>> {
    if (accounts === undefined) return {};
    const names: AccountName[] = [];
    for (const account of accounts) {
      const name = await this.#context.people.nameOf(account as AccountId);
      if (name !== undefined) names.push(name);
    }
    return { mentions: names };
  }

  /** The sending device as its account vouches for it, or why there is none. */
  async #sender(message: MessageJsonT): Promise<KnownSender | UnreadableReason> {
    const device = message.device as DeviceId;
    const { people } = this.#context;
    let known: KnownSender | undefined = await people.device(device);
    if (known === undefined) {
      try {
        await this.#rooms.person(message.from, PERSON_MS_MAX);
      } catch (error) {
        if (!(error instanceof ParleyError)) throw error;
        if (error.code === 'user_key_changed') return 'user_key_changed';
        if (error.code === 'invalid_signature' || error.code === 'no_such_user') return 'unknown_device';
        throw error;
      }
      known = (await people.device(device)) ?? (await hookOf(this.#context, message));
      if (known === undefined) return 'unknown_device';
    }
    const isTheirs = known.account === message.fromId && (await people.nameOf(known.account)) === message.from;
    return isTheirs ? known : 'wrong_id';
  }
}

function fileIn(content: Content): Pick<Said, 'file'> {
  if (content.type !== 'file') return {};
  const { name, mediaType, sizeBytes, blob } = content;
  return { file: { name, mediaType, sizeBytes, blob } };
}

/** Remembers where a (device, txnId) stood first; anywhere else it is a replay. */
async function onlyOnce(tx: StoreTransaction, message: MessageJsonT, opened: Opened): Promise<Opened> {
  if (opened.txnId === undefined || opened.counter === undefined) return opened;
  const key = KEY.seen(message.room as RoomId, message.device as DeviceId, opened.txnId);
  const seen = await tx.get(key);
  if (seen === undefined) tx.put(key, pack(message.seq));
  if ('content' in opened && opened.content.type === 'file') {
    tx.put(KEY.file(message.id), pack({ room: message.room as RoomId, ...opened.content } satisfies FileRow));
  }
  if (seen !== undefined && unpack<number>(seen) !== message.seq) return { unreadable: 'duplicate' };
  // A webhook speaks through any node, and counts nothing.
  const isHook = 'said' in opened && opened.said.hook !== undefined;
  const isInOrder = isHook || (await noteOrder(tx, message, opened.counter));
  return isInOrder || !('said' in opened) ? opened : { ...opened, outOfOrder: true };
}

/** Whether a message stands before or behind the sender's latest one as the sender counted them. */
async function noteOrder(tx: StoreTransaction, { room, device, seq }: MessageJsonT, counter: number): Promise<boolean> {
  const key = KEY.latest(room as RoomId, device as DeviceId);
  const row = await tx.get(key);
  const latest = row === undefined ? null : unpack<LatestRow>(row);
  if (latest === null || seq > latest.seq) tx.put(key, pack({ seq, counter } satisfies LatestRow));
  if (latest === null || seq === latest.seq) return true;
  return seq > latest.seq ? counter > latest.counter : counter < latest.counter;
}

function lineOf(message: MessageJsonT, opened: Opened): MessageLine {
  const from = message.from as AccountName;
  const line = {
    room: message.room as RoomId,
    seq: message.seq,
    id: message.id,
    from,
    account: from,
    device: message.device as DeviceId,
    sentAt: message.sentAt,
  };
  if ('said' in opened) {
    return { ...line, ...opened.said, ...(opened.outOfOrder === undefined ? {} : { outOfOrder: opened.outOfOrder }) };
  }
  return 'gone' in opened
    ? { ...line, text: null, gone: opened.gone }
    : { ...line, text: null, unreadable: opened.unreadable };
}
