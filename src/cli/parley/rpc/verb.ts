import { linesOf } from './lines.ts';
import { RpcServer, type AddVerbs } from './rpc-server.ts';
import type { Command } from 'commander';
import type { Run } from '../run.ts';

const LINE_BYTES_MAX = 1024 * 1024;

/** `parley rpc`: every other verb, for programs, over standard input and output. */
export function addRpcVerb(parley: Command, run: Run, addVerbs: AddVerbs): void {
  parley
    .command('rpc')
    .description(
      'serve a program in any language: requests as JSON lines on standard input, answers on standard output',
    )
    .action(() =>
      run(
        async (client, terminal) => {
          const server = new RpcServer(client, addVerbs, (answer) => terminal.result(answer, JSON.stringify(answer)));
          terminal.signal.addEventListener('abort', () => {
            process.stdin.destroy();
            server.stopWaiting();
          });
          await server.serve(linesOf(process.stdin, LINE_BYTES_MAX));
        },
        { takesLong: true },
      ),
    );
}
