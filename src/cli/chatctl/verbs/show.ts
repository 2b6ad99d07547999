import { ParleyError } from '../../../protocol/errors.ts';
import { isAccountName } from '../../../protocol/ids.ts';
import { printable } from '../../printable.ts';
import type { BanJsonT } from '../../../protocol/http/admin.ts';
import type { AccountName } from '../../../protocol/ids.ts';

/** One result: as JSON for programs, as a sentence for people. */
export function tell(options: { readonly json?: boolean }, reply: object, sentence: string): void {
  console.log(options.json === true ? JSON.stringify(reply) : printable(sentence));
}

/** `ann` and `@ann`. @throws ParleyError `usage` */
export function nameOf(text: string): AccountName {
  const name = text.replace(/^@/, '');
  if (!isAccountName(name)) throw new ParleyError('usage', `“${text}” is no name of an account.`);
  return name;
}

/** What is said of a ban behind who or what is banned. */
export function banFactsText({ by, reason, at, until }: BanFacts): string {
  const end = until === null ? '' : ` until ${until}`;
  return `since ${at}${end}, by ${by === null ? 'an operator' : `@${by}`}${reason === '' ? '' : `: ${reason}`}`;
}

type BanFacts = Pick<BanJsonT, 'by' | 'reason' | 'at' | 'until'>;

export function endText({ until }: Pick<BanJsonT, 'until'>): string {
  return until === null ? 'until that is lifted' : `until ${until}`;
}

/** `--for` of a ban as its request has it. @throws ParleyError `usage` */
export function forMsOf(text: string | undefined): { readonly forMs?: number } {
  if (text === undefined) return {};
  const forMs = spanOf(text);
  if (forMs === undefined) throw new ParleyError('usage', '--for is like 2h or 7d.');
  return { forMs };
}

const UNIT_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `90s`, `15m`, `2h`, `7d`. @returns milliseconds, undefined for anything else */
export function spanOf(text: string): number | undefined {
  const [, digits, unit] = /^(\d+)([smhd])$/.exec(text) ?? [];
  return digits === undefined || unit === undefined ? undefined : Number(digits) * UNIT_MS[unit]!;
}
