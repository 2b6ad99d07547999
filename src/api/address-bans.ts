import { addressBans, addressBansVersion } from '../chat/queries-admin.ts';
import { blockAround, parseAddressBlock } from '../protocol/address-range.ts';
import { ParleyError } from '../protocol/errors.ts';
import type { AddressBanInfo } from '../chat/queries-admin.ts';
import type { StateReader } from '../chat/ports.ts';
import type { ChatNode } from '../node/ports.ts';
import type { AddressBlock } from '../protocol/address-range.ts';
import type { LeaderTime } from './leader-time.ts';

/**
 * The banned addresses as this node has applied them, held so that a request costs one look-up for each length of
 * prefix in use, however many bans there are.
 */
export class AddressBans {
  readonly #node: Pick<ChatNode, 'reader' | 'onApplied' | 'onReplaced'>;
  readonly #time: Pick<LeaderTime, 'nowMs'>;
  readonly #stop: (() => void)[] = [];
  #version = -1;
  #bans: ReadonlyMap<string, AddressBanInfo> = new Map();
  #prefixes: Readonly<Record<AddressBlock['family'], readonly number[]>> = { 4: [], 6: [] };

  constructor(node: Pick<ChatNode, 'reader' | 'onApplied' | 'onReplaced'>, time: Pick<LeaderTime, 'nowMs'>) {
    this.#node = node;
    this.#time = time;
  }

  /** @param onChange called when other addresses are banned than before */
  start(onChange: () => void): void {
    const look = (): void => {
      if (this.#reload()) onChange();
    };
    this.#stop.push(this.#node.onApplied(look), this.#node.onReplaced(look));
    look();
  }

  stop(): void {
    for (const stop of this.#stop.splice(0)) stop();
  }

  /** @returns the refusal `address_banned`; undefined where nothing is against that address */
  refusalOf(address: string): ParleyError | undefined {
    if (this.#bans.size === 0) return undefined;
    const block = parseAddressBlock(address);
    if (block === undefined) return undefined;
    const nowMs = this.#time.nowMs();
    for (const prefix of this.#prefixes[block.family]) {
      const ban = this.#bans.get(keyOf(blockAround(block, prefix)));
      if (ban !== undefined && (ban.until === null || ban.until > nowMs)) return refusalFor(ban);
    }
    return undefined;
  }

  /** @throws ParleyError `address_banned` */
  check(address: string): void {
    const refusal = this.refusalOf(address);
    if (refusal !== undefined) throw refusal;
  }

  /** @returns whether they are others than before */
  #reload(): boolean {
    const reader = this.#readable();
    if (reader === undefined) return false;
    const version = addressBansVersion(reader);
    if (version === this.#version) return false;
    this.#version = version;
    const all = addressBans(reader).map((ban) => ({ ban, block: parseAddressBlock(ban.range)! }));
    this.#bans = new Map(all.map(({ ban, block }) => [keyOf(block), ban]));
    const lengths = (family: AddressBlock['family']): number[] => [
      ...new Set(all.flatMap(({ block }) => (block.family === family ? block.prefix : []))),
    ];
    this.#prefixes = { 4: lengths(4), 6: lengths(6) };
    return true;
  }

  /** A node with damaged data answers nothing from its state, so there is nobody to keep from it. */
  #readable(): StateReader | undefined {
    try {
      return this.#node.reader;
    } catch (error) {
      if (error instanceof ParleyError) return undefined;
      throw error;
    }
  }
}

const keyOf = ({ family, prefix, first }: AddressBlock): string => `${family}/${prefix}/${first}`;

function refusalFor({ reason, until }: AddressBanInfo): ParleyError {
  const end = until === null ? '' : ` until ${new Date(until).toISOString()}`;
  const why = reason === '' ? '.' : `: ${reason}`;
  return new ParleyError('address_banned', `Your address is banned${end}${why}`, { data: { reason, until } });
}
