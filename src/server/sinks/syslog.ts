import { createSocket, type Socket as Datagrams } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls, type SecureContext } from 'node:tls';
import type { SyslogSink } from '../../config/audit-sink.ts';
import type { SinkRecord } from './sink-record.ts';
import { framed, type SyslogSender, syslogDatagram, syslogMessage } from './syslog-message.ts';
import type { Transport } from './transport.ts';

/**
 * Syslog has no acknowledgements. Over TCP and TLS, what was sent in the last seconds before a connection broke is sent again
 * over the next; what lay unread in a receiver for longer, when it died, is lost to it, and nobody is told (RFC 6587, section
 * 5.2, says so too). Over UDP any message may be.
 */
const STREAM_SETTLES_AFTER_MS = 10_000;
/** The machine of the receiver says soon that nobody listens there, if it says anything. */
const DATAGRAMS_SETTLE_AFTER_MS = 1000;
const FIRST_PROBE_MS = 30_000;
const CLOSE_PATIENCE_MS = 2000;

/** @param trust over TLS, whose certificates are accepted */
export function syslogTransport(sink: SyslogSink, sender: SyslogSender, trust: SecureContext | undefined): Transport {
  return sink.over === 'udp' ? datagramTransport(sink, sender) : streamTransport(sink, sender, trust);
}

function streamTransport(
  { host, port }: SyslogSink,
  sender: SyslogSender,
  trust: SecureContext | undefined,
): Transport {
  let socket: Socket | undefined;
  let failure: Error | undefined;
  let count = 0;

  async function open(signal: AbortSignal): Promise<Socket> {
    socket?.destroy();
    failure = undefined;
    const opened =
      trust === undefined
        ? connect({ host, port })
        : connectTls({ host, port, secureContext: trust, ...(isIP(host) === 0 ? { servername: host } : {}) });
    socket = opened;
    const lost = (error: Error) => {
      if (socket === opened) failure ??= error;
    };
    opened.on('error', lost);
    opened.on('close', () => lost(new Error('the receiver has closed the connection')));
    opened.setNoDelay(true);
    opened.setKeepAlive(true, FIRST_PROBE_MS);
    // What receivers say is nothing that RFC 6587 knows of.
    opened.resume();
    await destroying(opened, signal, once(opened, trust === undefined ? 'connect' : 'secureConnect'));
    return opened;
  }

  return {
    settlesAfterMs: STREAM_SETTLES_AFTER_MS,
    async send(records, signal) {
      const usable = socket !== undefined && !socket.destroyed && failure === undefined ? socket : await open(signal);
      const frames = records.map((each) => framed(syslogMessage(each, sender, count++)));
      const written = new Promise<void>((resolve, reject) => {
        usable.write(frames.join(''), 'latin1', (error) => (error ? reject(error) : resolve()));
      });
      await destroying(usable, signal, written);
      return { refused: 0 };
    },
    broken: () => failure,
    async close() {
      if (socket === undefined || failure !== undefined) return;
      // A receiver that closes its side in return, and does not reset the connection, has read all that was sent.
      const closed = once(socket, 'close');
      socket.end();
      await destroying(socket, AbortSignal.timeout(CLOSE_PATIENCE_MS), closed);
      if (socket.errored) throw socket.errored;
    },
  };
}

/** Waits for something on a socket, which a signal destroys. */
async function destroying(socket: Socket, signal: AbortSignal, what: Promise<unknown>): Promise<void> {
  const destroy = () => socket.destroy(reasonOf(signal));
  signal.addEventListener('abort', destroy);
  try {
    signal.throwIfAborted();
    await what;
    signal.throwIfAborted();
  } catch (error) {
    socket.destroy();
    what.catch(() => {});
    // What a socket says that was destroyed on the signal tells less.
    throw signal.aborted ? signal.reason : error;
  } finally {
    signal.removeEventListener('abort', destroy);
  }
}

function datagramTransport({ host, port }: SyslogSink, sender: SyslogSender): Transport {
  let socket: Datagrams | undefined;
  let failure: Error | undefined;
  let count = 0;

  async function open(): Promise<Datagrams> {
    const { address, family } = await lookup(host);
    const opened = createSocket(family === 6 ? 'udp6' : 'udp4');
    opened.on('error', (error) => {
      if (socket === opened) failure ??= error;
    });
    // Connected, so that the system tells of a port on which nobody listens.
    await new Promise<void>((resolve, reject) => {
      opened.connect(port, address, (error?: Error) => (error ? reject(error) : resolve()));
    });
    socket?.close();
    failure = undefined;
    socket = opened;
    return opened;
  }

  function sendOne(usable: Datagrams, each: SinkRecord): Promise<void> {
    const datagram = syslogDatagram(each, sender, count++);
    return new Promise((resolve, reject) => {
      usable.send(datagram, (error) => (error === null ? resolve() : reject(error)));
    });
  }

  return {
    settlesAfterMs: DATAGRAMS_SETTLE_AFTER_MS,
    async send(records, signal) {
      const usable = socket !== undefined && failure === undefined ? socket : await open();
      for (const each of records) {
        signal.throwIfAborted();
        await sendOne(usable, each);
        if (failure !== undefined) throw failure;
      }
      return { refused: 0 };
    },
    broken: () => failure,
    async close() {
      socket?.close();
    },
  };
}

function reasonOf(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error('ended');
}
