import { randomBytes } from 'node:crypto';
import fastify, { LogController } from 'fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ERRORS, ParleyError } from '../protocol/errors.ts';
import { AllowedMethods } from './allowed-methods.ts';
import { answerClientError, refuseExpectation } from './client-error.ts';
import { parseJson } from './json-body.ts';
import { asParleyError, problemOf } from './problem.ts';
import { compileValidator } from './validate.ts';
import type { ApiConfig, ApiLimits } from './config.ts';
import type { App } from './context.ts';
import type { Logger } from 'pino';
import type { NodeName } from '../protocol/ids.ts';

export interface AppOptions {
  readonly config: ApiConfig;
  readonly limits: ApiLimits;
  readonly logger: Logger;
  readonly leader: () => NodeName | null;
}

/** Fastify, set up so that nothing a stranger sends gets further than a problem+json answer. */
export function createApp(options: AppOptions): App {
  const { config, limits, logger } = options;
  const boot = randomBytes(4).toString('hex');
  let requests = 0;
  const http = {
    headersTimeout: limits.headersReceiveMs,
    connectionsCheckingInterval: Math.min(limits.headersReceiveMs, TIMEOUTS_LOOKED_AT_MS),
    maxHeaderSize: HEADER_BYTES_MAX,
  };
  const app = fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: () => `${boot}-${(++requests).toString(36)}`,
    bodyLimit: limits.bodyBytesMax,
    requestTimeout: limits.requestReceiveMs,
    keepAliveTimeout: limits.keepAliveMs,
    forceCloseConnections: 'idle',
    // Fastify's own answer is no problem+json; see `refuseWhileClosing`.
    return503OnClosing: false,
    ...(config.tls === undefined ? { http } : { https: { ...http, cert: config.tls.cert, key: config.tls.key } }),
    clientErrorHandler: answerClientError,
    frameworkErrors: (error, request, reply) => void sendProblem(options, error, request, reply),
  }).withTypeProvider() as unknown as App;

  app.setValidatorCompiler(compileValidator);
  // The schemas describe answers; they need not slow them down.
  app.setSerializerCompiler(() => (value) => JSON.stringify(value));
  useBoundedJson(app, limits);
  refuseWhileClosing(app);
  app.server.on('checkExpectation', refuseExpectation);
  app.server.maxConnections = limits.connectionsMax;
  const methods = new AllowedMethods();
  methods.watch(app);
  app.setErrorHandler((error, request, reply) => sendProblem(options, error, request, reply));
  app.setNotFoundHandler((request, reply) => {
    const allowed = methods.of(request.url);
    if (allowed.length > 0) reply.header('allow', allowed.join(', '));
    return sendProblem(
      options,
      new ParleyError(allowed.length > 0 ? 'method_not_allowed' : 'not_found'),
      request,
      reply,
    );
  });
  return app;
}

const HEADER_BYTES_MAX = 16 * 1024;
/** How often Node looks for requests that take too long to arrive. */
const TIMEOUTS_LOOKED_AT_MS = 1_000;

/** What is under way is answered; what comes over the same connections after it is sent elsewhere. */
function refuseWhileClosing(app: App): void {
  let closing = false;
  app.addHook('preClose', (done) => {
    closing = true;
    done();
  });
  app.addHook('onRequest', (_request, _reply, done) => {
    done(closing ? new ParleyError('shutting_down') : undefined);
  });
}

/** JSON is the only content type, and an empty body is none: DELETE may carry the header without a body. */
function useBoundedJson(app: App, limits: ApiLimits): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, text, done) => {
    try {
      done(null, text === '' ? undefined : parseJson(text as string, limits.jsonDepthMax));
    } catch (error) {
      done(asParleyError(error));
    }
  });
}

function sendProblem(options: AppOptions, raw: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const error = asParleyError(raw);
  if (error.code === 'internal') request.log.error({ err: error.cause ?? error, url: request.url }, 'internal error');
  const problem = problemOf(error, { requestId: request.id, leaderId: options.leader() });
  if (problem.retryAfterMs !== undefined) reply.header('retry-after', Math.ceil(problem.retryAfterMs / 1000));
  if (problem.status === 401) reply.header('www-authenticate', 'Bearer realm="parley"');
  if (error.code === 'payload_too_large') reply.header('connection', 'close');
  return reply
    .code(ERRORS[error.code].status)
    .type('application/problem+json; charset=utf-8')
    .serializer((value: unknown) => JSON.stringify(value))
    .send(problem);
}
