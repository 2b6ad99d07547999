import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { until } from './support.ts';
import type { ChildProcess } from 'node:child_process';

const BUFFER_KIB = 65_536;

/** Why nothing can be captured on this machine; null where it can. */
export function whyNoCapture(): string | null {
  const { error, stderr, status } = spawnSync('tcpdump', ['-i', 'lo', '-d'], { encoding: 'utf8' });
  if (error !== undefined) return 'tcpdump is not installed';
  if (status !== 0) return `tcpdump may not listen on lo: ${stderr.trim()}`;
  return process.getuid?.() === 0 ? null : 'only root may listen on lo';
}

/** All that goes over the loopback interface from or to some TCP ports, as tcpdump sees it. */
export class LoopbackCapture {
  readonly #file: string;
  readonly #child: ChildProcess;
  #said = '';

  private constructor(file: string, ports: readonly number[]) {
    this.#file = file;
    const filter = ports.map((port) => `tcp port ${port}`).join(' or ');
    const args = ['-i', 'lo', '-n', '-U', '-s', '0', '-B', String(BUFFER_KIB), '-Z', 'root', '-w', file, filter];
    this.#child = spawn('tcpdump', args, { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#child.stderr!.on('data', (chunk: Buffer) => (this.#said += chunk.toString()));
  }

  static async start(file: string, ports: readonly number[]): Promise<LoopbackCapture> {
    const capture = new LoopbackCapture(file, ports);
    await until('tcpdump listens', () => capture.#said.includes('listening on'));
    return capture;
  }

  /** Ends it. @returns what went each way of each connection. @throws Error when some of it was missed */
  async stop(): Promise<Map<string, Buffer>> {
    const ended = once(this.#child, 'close');
    this.#child.kill('SIGINT');
    await ended;
    if (!/\b0 packets dropped by kernel/.test(this.#said)) throw new Error(`tcpdump missed something: ${this.#said}`);
    return streamsOf(readFileSync(this.#file));
  }

  /** For when a test has failed before. */
  abandon(): void {
    this.#child.kill('SIGKILL');
  }
}

/** pcap (draft-ietf-opsawg-pcap): a header, then packets, each after its own. */
const FILE_HEADER_BYTES = 24;
const PACKET_HEADER_BYTES = 16;
const MAGICS: ReadonlySet<number> = new Set([0xa1b2c3d4, 0xa1b23c4d]);
const LINK_ETHERNET = 1;
const ETHERNET_BYTES = 14;
const ETHERTYPE_IPV4 = 0x0800;

/**
 * The TCP payloads of a capture, joined per direction of a connection, so that no text is missed for standing in two
 * packets. What is said within one machine is neither lost nor reordered.
 */
export function streamsOf(capture: Buffer): Map<string, Buffer> {
  if (!MAGICS.has(capture.readUInt32LE(0))) throw new Error('this is no capture of this machine');
  if (capture.readUInt32LE(20) !== LINK_ETHERNET) throw new Error('the loopback interface speaks no Ethernet here');
  const parts = new Map<string, Buffer[]>();
  for (let at = FILE_HEADER_BYTES; at + PACKET_HEADER_BYTES <= capture.length;) {
    const start = at + PACKET_HEADER_BYTES;
    at = start + capture.readUInt32LE(at + 8);
    const packet = capture.subarray(start, at);
    if (packet.readUInt16BE(12) !== ETHERTYPE_IPV4) continue;
    const tcp = ETHERNET_BYTES + (packet[ETHERNET_BYTES]! & 0x0f) * 4;
    const end = ETHERNET_BYTES + packet.readUInt16BE(ETHERNET_BYTES + 2);
    const payload = packet.subarray(tcp + (packet[tcp + 12]! >> 4) * 4, end);
    if (payload.length === 0) continue;
    const stream = `${packet.readUInt16BE(tcp)} to ${packet.readUInt16BE(tcp + 2)}`;
    const known = parts.get(stream);
    if (known === undefined) parts.set(stream, [payload]);
    else known.push(payload);
  }
  return new Map([...parts].map(([stream, payloads]) => [stream, Buffer.concat(payloads)]));
}
