import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import type { ServerFrameJson } from '../src/protocol/http/frames.ts';

const READY_MS_MAX = 30_000;
const HEAD_END = Buffer.from('\r\n\r\n');
const EVENT_START = Buffer.from('{"type":"event"');
const OPCODE = { text: 0x1, close: 0x8, ping: 0x9, pong: 0xa } as const;
const FIN = 0x80;
const MASKED = 0x80;
const LENGTH_16 = 126;
const MASK_BYTES = 4;
const CLIENT_PAYLOAD_BYTES_MAX = 65_535;

interface Frame {
  readonly opcode: number;
  readonly payload: Buffer;
  /** Where the next one begins. */
  readonly end: number;
}

/**
 * A WebSocket that counts the events it is given and parses none of them (RFC 6455): one process stands for so many
 * readers that parsing would be what is measured.
 */
export class CountingSocket {
  readonly #socket: Socket;
  readonly #onEvents: () => void;
  #rest: Buffer = Buffer.alloc(0);
  /** Of the answer to the upgrade. */
  #upgraded = false;
  events = 0;
  bytes = 0;
  /** Why it is over; null while it is open. */
  closed: string | null = null;
  #onReady: (() => void) | null = null;

  private constructor(socket: Socket, onEvents: () => void) {
    this.#socket = socket;
    this.#onEvents = onEvents;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.on('error', (error) => (this.closed ??= error.message));
    socket.on('close', () => (this.closed ??= 'the connection ended'));
  }

  /** @param onEvents called after events came @throws Error when the node does not say `ready` in time */
  static open(endpoint: string, token: string, onEvents: () => void): Promise<CountingSocket> {
    const { hostname, port } = new URL(endpoint);
    const socket = connect(Number(port), hostname);
    const counting = new CountingSocket(socket, onEvents);
    const key = randomBytes(16).toString('base64');
    socket.write(
      `GET /v1/ws HTTP/1.1\r\nHost: ${hostname}:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        `Sec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n\r\n`,
    );
    counting.#send(OPCODE.text, Buffer.from(JSON.stringify({ type: 'identify', token })));
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => socket.destroy(), READY_MS_MAX);
      counting.#onReady = () => {
        clearTimeout(timer);
        resolve(counting);
      };
      socket.on('close', () => {
        clearTimeout(timer);
        reject(new Error(`${endpoint}: ${counting.closed} before ready`));
      });
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    this.bytes += chunk.length;
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    if (!this.#upgraded) {
      const end = bytes.indexOf(HEAD_END);
      if (end < 0) {
        this.#rest = bytes;
        return;
      }
      if (!bytes.subarray(0, end).toString('latin1').startsWith('HTTP/1.1 101')) {
        this.closed = bytes.toString('latin1', 0, end);
        this.#socket.destroy();
        return;
      }
      this.#upgraded = true;
      bytes = bytes.subarray(end + HEAD_END.length);
    }
    const before = this.events;
    let at = 0;
    for (let frame = frameAt(bytes, at); frame !== null; frame = frameAt(bytes, at)) {
      this.#frame(frame);
      at = frame.end;
    }
    this.#rest = bytes.subarray(at);
    if (this.events > before) this.#onEvents();
  }

  #frame({ opcode, payload }: Frame): void {
    if (opcode === OPCODE.text) {
      if (payload.subarray(0, EVENT_START.length).equals(EVENT_START)) this.events += 1;
      else this.#told(JSON.parse(payload.toString()) as ServerFrameJson);
    } else if (opcode === OPCODE.ping) this.#send(OPCODE.pong, payload);
    else if (opcode === OPCODE.close) {
      this.closed ??= `closed with ${payload.readUInt16BE(0)} ${payload.toString('utf8', 2)}`;
    }
  }

  #told(frame: ServerFrameJson): void {
    if (frame.type === 'ready') this.#onReady?.();
    else if (frame.type === 'error') this.closed = `${frame.code}: ${frame.detail}`;
  }

  /** One masked frame, as clients send them. */
  #send(opcode: number, payload: Buffer): void {
    if (payload.length > CLIENT_PAYLOAD_BYTES_MAX) throw new RangeError('too long for one frame');
    const isLong = payload.length >= LENGTH_16;
    const head = isLong
      ? [FIN | opcode, MASKED | LENGTH_16, payload.length >> 8, payload.length & 0xff]
      : [FIN | opcode, MASKED | payload.length];
    const mask = randomBytes(MASK_BYTES);
    const masked = payload.map((byte, i) => byte ^ mask[i % MASK_BYTES]!);
    this.#socket.write(Buffer.concat([Buffer.from(head), mask, masked]));
  }
}

/** The unmasked frame of a server that begins at `at`, or null while it is not all there. */
function frameAt(bytes: Buffer, at: number): Frame | null {
  if (bytes.length < at + 2) return null;
  const short = bytes[at + 1]!;
  const headBytes = short < LENGTH_16 ? 2 : short === LENGTH_16 ? 4 : 10;
  if (bytes.length < at + headBytes) return null;
  const length =
    short < LENGTH_16
      ? short
      : short === LENGTH_16
        ? bytes.readUInt16BE(at + 2)
        : Number(bytes.readBigUInt64BE(at + 2));
  const end = at + headBytes + length;
  if (bytes.length < end) return null;
  return { opcode: bytes[at]! & 0x0f, payload: bytes.subarray(at + headBytes, end), end };
}
