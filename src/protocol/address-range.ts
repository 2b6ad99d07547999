import { ParleyError } from './errors.ts';
import type { Brand } from './ids.ts';

/**
 * A range of IP addresses in its one canonical form: `203.0.113.0/24`, `2001:db8::/32`, and one address without `/`.
 * IPv6 is written as RFC 5952 (section 4) wants it; IPv4 in IPv6 clothes (RFC 4291, section 2.5.5.2) is IPv4.
 */
export type AddressRange = Brand<string, 'AddressRange'>;

/** The addresses that have the first `prefix` bits of `first` in common; its other bits are 0. */
export interface AddressBlock {
  readonly family: 4 | 6;
  readonly prefix: number;
  readonly first: bigint;
}

const WIDTH = { 4: 32, 6: 128 } as const;
const MAPPED_BITS = 96;
const MAPPED = 0xffffn << 32n;
/** What is shorter would keep out a good part of the world. */
const PREFIX_MIN = { 4: 8, 6: 16 } as const;
const LOOPBACK: readonly AddressBlock[] = [
  { family: 4, prefix: 8, first: 127n << 24n },
  { family: 6, prefix: 128, first: 1n },
];
const TEXT_CHARS_MAX = 64;

/** @returns undefined for what is neither an address nor a CIDR range; bits behind the prefix are taken as 0 */
export function parseAddressBlock(text: string): AddressBlock | undefined {
  if (text.length > TEXT_CHARS_MAX) return undefined;
  const [, address = '', digits] = /^([0-9a-fA-F.:]+)(?:\/(0|[1-9]\d{0,2}))?$/.exec(text) ?? [];
  const v4 = parseV4(address);
  const value = v4 ?? parseV6(address);
  if (value === undefined) return undefined;
  const family = v4 === undefined ? 6 : 4;
  const prefix = digits === undefined ? WIDTH[family] : Number(digits);
  if (prefix > WIDTH[family]) return undefined;
  const isMapped = family === 6 && prefix >= MAPPED_BITS && value >> 32n === MAPPED >> 32n;
  return isMapped
    ? blockAround({ family: 4, prefix: 32, first: value - MAPPED }, prefix - MAPPED_BITS)
    : blockAround({ family, prefix, first: value }, prefix);
}

/** The range of that prefix that `block` lies in. */
export function blockAround({ family, first }: AddressBlock, prefix: number): AddressBlock {
  const free = BigInt(WIDTH[family] - prefix);
  return { family, prefix, first: (first >> free) << free };
}

export function formatAddressBlock({ family, prefix, first }: AddressBlock): AddressRange {
  const address = family === 4 ? formatV4(first) : formatV6(first);
  return (prefix === WIDTH[family] ? address : `${address}/${prefix}`) as AddressRange;
}

/** Whether it is written in the canonical form. */
export function isAddressRange(text: string): text is AddressRange {
  const block = parseAddressBlock(text);
  return block !== undefined && formatAddressBlock(block) === text;
}

/** As people write it, in its canonical form. @throws ParleyError `invalid_field` for what is no range of addresses */
export function addressRangeOf(text: string): AddressRange {
  const block = parseAddressBlock(text.trim());
  if (block !== undefined) return formatAddressBlock(block);
  throw new ParleyError('invalid_field', 'range: an address like 203.0.113.7, or a range like 2001:db8::/32.', {
    data: { field: 'range' },
  });
}

/** Why nobody is to be kept out by this range: a slip would lock out everybody. @returns undefined where it may be */
export function whyNotBannable(range: AddressRange): string | undefined {
  const block = parseAddressBlock(range)!;
  const { family, prefix } = block;
  if (prefix < PREFIX_MIN[family])
    return `${range} is too wide: an IPv${family} range has at least /${PREFIX_MIN[family]}.`;
  if (LOOPBACK.some((loopback) => overlaps(loopback, block))) {
    return `${range} has loopback addresses in it: this machine, and what stands before the node on it, is not banned.`;
  }
  return undefined;
}

function overlaps(a: AddressBlock, b: AddressBlock): boolean {
  const prefix = Math.min(a.prefix, b.prefix);
  return a.family === b.family && blockAround(a, prefix).first === blockAround(b, prefix).first;
}

/** Leading zeros are refused: some read them as octal. */
function parseV4(text: string): bigint | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  if (!parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 0xff)) return undefined;
  return parts.reduce((value, part) => (value << 8n) | BigInt(part), 0n);
}

function parseV6(text: string): bigint | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [left, right] = halves.map((half, i) => groupsOf(half, i === halves.length - 1));
  if (left === undefined || (halves.length === 2 && right === undefined)) return undefined;
  const missing = 8 - left.length - (right?.length ?? 0);
  if (right === undefined ? missing !== 0 : missing < 1) return undefined;
  const groups = [...left, ...Array<bigint>(missing).fill(0n), ...(right ?? [])];
  return groups.reduce((value, group) => (value << 16n) | group, 0n);
}

/** @param isLast the last 32 bits may be written as IPv4 is */
function groupsOf(half: string, isLast: boolean): readonly bigint[] | undefined {
  if (half === '') return [];
  const texts = half.split(':');
  const tail = isLast && texts.at(-1)!.includes('.') ? parseV4(texts.pop()!) : null;
  if (tail === undefined || !texts.every((text) => /^[0-9a-fA-F]{1,4}$/.test(text))) return undefined;
  const groups = texts.map((text) => BigInt(`0x${text}`));
  return tail === null ? groups : [...groups, tail >> 16n, tail & 0xffffn];
}

function formatV4(value: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 0xffn).join('.');
}

/** The longest run of two zeros or more, of equal ones the first, is `::`. */
function formatV6(value: bigint): string {
  const groups = Array.from({ length: 8 }, (_, i) => ((value >> BigInt(112 - 16 * i)) & 0xffffn).toString(16));
  let best = { at: 0, length: 1 };
  for (let at = 0; at < groups.length; at++) {
    let length = 0;
    while (groups[at + length] === '0') length += 1;
    if (length > best.length) best = { at, length };
  }
  if (best.length < 2) return groups.join(':');
  return `${groups.slice(0, best.at).join(':')}::${groups.slice(best.at + best.length).join(':')}`;
}
