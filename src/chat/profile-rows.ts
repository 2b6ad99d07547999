import { pack, unpack } from './pack.ts';
import type { StampMs } from '../protocol/ids.ts';
import type { RowCodec } from './rows.ts';

const V1 = 1;

/** What an account shows of itself; the name by which it is addressed never changes. */
export interface ProfileRow {
  /** Empty for none. */
  readonly displayName: string;
  readonly status: string;
  readonly changedAt: StampMs;
}

export const profileCodec: RowCodec<ProfileRow> = {
  encode: ({ displayName, status, changedAt }) => pack([V1, displayName, status, changedAt]),
  decode: (bytes) => {
    const [, displayName, status, changedAt] = unpack(bytes) as [number, string, string, StampMs];
    return { displayName, status, changedAt };
  },
};
