import { ParleyError } from '../protocol/errors.ts';

/** From, and up to but without. */
export interface ByteRange {
  readonly from: number;
  readonly to: number;
}

const ONE_RANGE = /^bytes=(\d*)-(\d*)$/;

/**
 * The one range that a `Range` header asks for (RFC 9110 section 14). Whatever else it says is ignored, as that
 * section allows, and the whole is sent.
 *
 * @returns undefined for the whole
 * @throws ParleyError `range_not_satisfiable` with `sizeBytes`
 */
export function byteRangeOf(header: string | undefined, sizeBytes: number): ByteRange | undefined {
  const [, first = '', last = ''] = ONE_RANGE.exec(header ?? '') ?? [];
  if (first === '' && last === '') return undefined;
  if (first === '') return checked(Math.max(0, sizeBytes - Number(last)), sizeBytes, sizeBytes);
  if (last !== '' && Number(last) < Number(first)) return undefined;
  return checked(Number(first), last === '' ? sizeBytes : Math.min(Number(last) + 1, sizeBytes), sizeBytes);
}

function checked(from: number, to: number, sizeBytes: number): ByteRange {
  if (from < to && Number.isSafeInteger(from)) return { from, to };
  throw new ParleyError('range_not_satisfiable', undefined, { data: { sizeBytes } });
}
