import { sha256 } from '@noble/hashes/sha2.js';
import { roomDetail } from '../../../chat/queries-rooms.ts';
import { accountIdOf } from '../../../protocol/derive-ids.ts';
import { makeTxnId } from '../../../protocol/txn-id.ts';
import { bytesFrom, commandBytes, envelopeBytes, recordFrom, type Person } from '../../chat-harness.ts';
import type { Actor, CommandBodies, CommandKind, CommandResult, CommandValues } from '../../../protocol/commands.ts';
import type { AccountName, RoomId, SessionId, StampMs, TxnId } from '../../../protocol/ids.ts';
import type { SimNode } from '../sim-node.ts';
import type { ClientsEnv, Operation } from './clients.ts';

export interface ChatPeopleOptions {
  readonly env: ClientsEnv;
  readonly run: (operation: Operation) => void;
}

/** A message that one of them is going to send, whatever it takes. */
export interface Sending {
  readonly room: RoomId;
  readonly txnId: TxnId;
  readonly encode: (node: SimNode) => Uint8Array | undefined;
}

interface Command<K extends CommandKind> {
  readonly kind: K;
  readonly actor: Actor | null;
  readonly body: CommandBodies[K];
}

const NAMES = ['ann', 'bob', 'cleo'];
const CHALLENGE_TTL_MS = 60_000;
const KEY_HASHES = new Map<string, Uint8Array>();

/**
 * Four people with a device each, at first. Ann makes the rooms, and takes Cleo in and out of one of them. Keys and
 * signatures are made up.
 */
export class ChatPeople {
  readonly #options: ChatPeopleOptions;
  readonly #people: Person[];
  readonly #loggedIn = new Set<Person>();
  readonly #rooms: RoomId[] = [];
  #txns = 0;
  #devices = 0;
  #sent = 0;
  #newestMs = 0;

  constructor(options: ChatPeopleOptions) {
    this.#options = options;
    this.#people = NAMES.map((name) => {
      const userKey = bytesFrom(`user ${name}`);
      const record = recordFrom(`${name}/1`);
      const account = accountIdOf(userKey);
      return { name: name as AccountName, userKey, record, account, device: record.device, session: 'S' as SessionId };
    });
  }

  begin(): void {
    this.#people.forEach((person, at) => this.#register(person, at));
  }

  #register({ name, userKey, record }: Person, at: number): void {
    const command = (): Command<'account.register'> => ({
      kind: 'account.register',
      actor: null,
      body: { name, userKey, device: record },
    });
    this.#order(command, () => this.#login(at));
  }

  #login(at: number): void {
    const { account, device } = this.#people[at]!;
    const command = (txnId: TxnId, stampMs: number): Command<'session.create'> => ({
      kind: 'session.create',
      actor: null,
      body: {
        account,
        device,
        challengeId: bytesFrom(`challenge ${txnId}`),
        challengeExpiresAt: (stampMs + CHALLENGE_TTL_MS) as StampMs,
        accessHash: bytesFrom(`access ${txnId}`),
        refreshHash: bytesFrom(`refresh ${txnId}`),
      },
    });
    this.#order(command, ({ session }) => {
      const person = { ...this.#people[at]!, session };
      this.#people[at] = person;
      this.#loggedIn.add(person);
      if (this.#loggedIn.size === NAMES.length) this.#makeRooms();
    });
  }

  #makeRooms(): void {
    const [ann, bob, cleo] = this.#people as [Person, Person, Person];
    for (const members of [[bob, cleo], [bob]]) {
      const body = { kind: 'group', members: members.map(({ account }) => account) } as const;
      this.#order(
        () => ({ kind: 'room.create', actor: ann, body }),
        ({ room }) => this.#rooms.push(room),
      );
    }
  }

  /** Somebody enrols a device, or Cleo comes or goes: messages on their way have to be sealed again. */
  changeRoster(): void {
    const { prng } = this.#options.env;
    const [room] = this.#rooms;
    const [ann, , cleo] = this.#people as [Person, Person, Person];
    if (room === undefined) return;
    const choice = prng.below(3);
    if (choice === 0) {
      this.#order(() => ({ kind: 'room.add', actor: ann, body: { room, members: [cleo.account] } }));
    } else if (choice === 1) {
      this.#order(() => ({ kind: 'room.remove', actor: ann, body: { room, member: cleo.account } }));
    } else {
      this.#enrol(prng.pick(this.#people));
    }
  }

  #enrol(person: Person): void {
    this.#devices += 1;
    const record = recordFrom(`${person.name}/further ${this.#devices}`);
    const { device, signingKey, sealingKey } = record;
    const request = { account: person.account, device, signingKey, sealingKey };
    this.#order(
      () => ({ kind: 'device.request', actor: null, body: request }),
      () => {
        const body = { record, sealedUserKey: bytesFrom('sealed') };
        this.#order(() => ({ kind: 'device.approve', actor: person, body }));
      },
    );
  }

  sweep(keys: readonly string[]): Operation {
    return this.#operation(
      () => ({ kind: 'state.sweep', actor: null, body: { keys } }),
      () => {},
    );
  }

  /** Undefined as long as nobody can write to anybody. */
  nextSending(): Sending | undefined {
    const { prng } = this.#options.env;
    if (this.#rooms.length === 0) return undefined;
    const sender = prng.pick([...this.#loggedIn]);
    const room = prng.pick(this.#rooms);
    this.#sent += 1;
    const number = this.#sent;
    const txnId = this.#txn(this.#stampNow());
    return {
      room,
      txnId,
      encode: (node) => {
        const envelope = seal(node, { sender, room, txnId, number });
        return envelope && commandBytes('message.send', sender, { room, envelope }, txnId);
      },
    };
  }

  /** Carries out a command that may be refused for reasons that pass; `done` once it is accepted. */
  #order<K extends CommandKind>(
    command: (txnId: TxnId, stampMs: number) => Command<K>,
    done: (value: CommandValues[K]) => void = () => {},
  ): void {
    this.#options.run(this.#operation(command, done));
  }

  #operation<K extends CommandKind>(
    command: (txnId: TxnId, stampMs: number) => Command<K>,
    done: (value: CommandValues[K]) => void,
  ): Operation {
    let isDone = false;
    let bytes: Uint8Array | undefined;
    return {
      encode: () => {
        if (bytes !== undefined) return bytes;
        const stampMs = this.#stampNow();
        const txnId = this.#txn(stampMs);
        const { kind, actor, body } = command(txnId, stampMs);
        return (bytes = commandBytes(kind, actor, body, txnId));
      },
      settle: (raw) => {
        const result = raw as CommandResult<K>;
        if (!result.ok && PASSING.has(result.code)) {
          // Clocks may be wide apart: another time, another try, which is another command.
          bytes = undefined;
          return false;
        }
        if (result.ok && !isDone) done(result.value);
        isDone = true;
        return true;
      },
    };
  }

  /** The newest time that any node has shown, as a client would learn it. */
  #stampNow(): number {
    const { nodes } = this.#options.env;
    for (const { peer } of nodes) this.#newestMs = Math.max(this.#newestMs, peer?.stampMs ?? 0);
    return this.#newestMs > 0 ? this.#newestMs : Math.floor(nodes[0]!.host.clock.wallMs());
  }

  #txn(timeMs: number): TxnId {
    this.#txns += 1;
    const random = new Uint8Array(10);
    new DataView(random.buffer).setUint32(6, this.#txns);
    return makeTxnId(timeMs, random);
  }
}

const PASSING: ReadonlySet<string> = new Set(['txn_from_future', 'txn_expired', 'challenge_invalid']);

/** For the devices that the room has according to this node; undefined when it does not know the room. */
function seal(
  { state, clusterId }: SimNode,
  {
    sender,
    room,
    txnId,
    number,
  }: { readonly sender: Person; readonly room: RoomId; readonly txnId: TxnId; readonly number: number },
): Uint8Array | undefined {
  if (state === undefined || clusterId === undefined) return undefined;
  const detail = roomDetail(state, sender.account, room);
  const recipients = (detail?.members ?? [])
    .flatMap(({ devices }) => devices)
    .map(({ device, sealingKey }) => ({ device, keyHash: keyHashOf(device, sealingKey) }))
    .toSorted((a, b) => (a.device < b.device ? -1 : 1));
  const contentTag = new Uint8Array(32);
  new DataView(contentTag.buffer).setUint32(0, number);
  return envelopeBytes({
    cluster: clusterId,
    room,
    rosterVersion: detail?.rosterVersion ?? 0,
    sender: sender.device,
    txnId,
    contentTag,
    recipients,
    keyCommitment: contentTag,
    senderCounter: number,
  });
}

function keyHashOf(device: string, sealingKey: Uint8Array): Uint8Array {
  let hash = KEY_HASHES.get(device);
  if (hash === undefined) KEY_HASHES.set(device, (hash = sha256(sealingKey)));
  return hash;
}
