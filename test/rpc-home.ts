import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { PARLEY } from './parley-home.ts';
import type { ChildProcess } from 'node:child_process';

interface Waiting {
  readonly results: Record<string, unknown>[];
  readonly settle: (code: string | null) => void;
}

/** One person's device as a single `parley rpc` that runs verb after verb: what many programs would do, sooner. */
export class RpcHome {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, Waiting>();
  #calls = 0;

  constructor(dir: string, env: Readonly<Record<string, string>>, endpoint: string) {
    this.#child = spawn(process.execPath, [PARLEY, '--home', dir, '--endpoint', endpoint, 'rpc'], {
      env: { ...process.env, ...env },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    createInterface({ input: this.#child.stdout! }).on('line', (line) => this.#hear(line));
  }

  /** What the verb printed; it has to end well. */
  async json(...verb: string[]): Promise<Record<string, unknown>[]> {
    const { results, code } = await this.#call(verb);
    if (code !== null) throw new Error(`parley ${verb.join(' ')}: ${code}`);
    return results;
  }

  /** Why the verb was refused; null when it was not. */
  async refusal(...verb: string[]): Promise<string | null> {
    return (await this.#call(verb)).code;
  }

  close(): void {
    this.#child.kill('SIGKILL');
  }

  #call(verb: readonly string[]): Promise<{ results: Record<string, unknown>[]; code: string | null }> {
    const id = ++this.#calls;
    return new Promise((resolve) => {
      const results: Record<string, unknown>[] = [];
      this.#waiting.set(id, { results, settle: (code) => resolve({ results, code }) });
      this.#child.stdin!.write(`${JSON.stringify({ id, verb })}\n`);
    });
  }

  #hear(line: string): void {
    const answer = JSON.parse(line) as {
      id: number;
      result?: Record<string, unknown>;
      done?: true;
      error?: { code: string };
    };
    const waiting = this.#waiting.get(answer.id);
    if (answer.result !== undefined) waiting?.results.push(answer.result);
    if (answer.done === true || answer.error !== undefined) {
      this.#waiting.delete(answer.id);
      waiting?.settle(answer.error?.code ?? null);
    }
  }
}
