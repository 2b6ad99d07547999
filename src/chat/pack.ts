import { Packr } from 'msgpackr';

/** Rows are msgpack arrays; the first item is the version of the row's form. */
const packr = new Packr({ useRecords: false, moreTypes: false, variableMapSize: true });

export const pack = (value: unknown): Uint8Array => packr.pack(value);

/** Only for bytes that this state machine wrote itself. */
export const unpack = (bytes: Uint8Array): unknown => packr.unpack(bytes);
