import { STATUS_CODES } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { ERRORS, ParleyError } from '../protocol/errors.ts';
import { problemOf } from './problem.ts';
import type { ErrorCode } from '../protocol/errors.ts';

/** What Node's HTTP parser refuses before there is a request: answered on the bare socket. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  refuseOnSocket(socket, new ParleyError('bad_request', explain(error.code)), statusOf(error.code));
}

/** Whoever expects something else than to be told to go on (RFC 9110, section 10.1.1). */
export function refuseExpectation(request: IncomingMessage): void {
  refuseOnSocket(
    request.socket,
    new ParleyError('bad_request', 'Expect: nothing but 100-continue is understood.'),
    417,
  );
}

/** Writes a whole HTTP answer to a socket that no response object exists for, and closes it. */
export function refuseOnSocket(socket: Socket, error: ParleyError, status: number = ERRORS[error.code].status): void {
  const body = JSON.stringify({ ...problemOf(error, { requestId: '', leaderId: null }), status });
  const retry = error.data['retryAfterMs'];
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    'Content-Type: application/problem+json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...(typeof retry === 'number' ? [`Retry-After: ${Math.ceil(retry / 1000)}`] : []),
    'Connection: close',
  ];
  socket.once('finish', () => socket.destroy());
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}

function statusOf(code: string | undefined): number {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 408;
  return code === 'HPE_HEADER_OVERFLOW' ? 431 : ERRORS['bad_request' satisfies ErrorCode].status;
}

function explain(code: string | undefined): string | undefined {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 'The request took too long to arrive.';
  return code === 'HPE_HEADER_OVERFLOW' ? 'The headers are too large.' : undefined;
}
