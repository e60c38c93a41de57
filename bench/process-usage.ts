import { existsSync, readFileSync } from 'node:fs';

/** `USER_HZ`: the unit of times in /proc, 10 ms on every architecture that Linux runs Node on. */
const TICKS_PER_SECOND = 100;

/** Whether this system has a /proc that tells what a process used. */
export function canMeasureProcesses(): boolean {
  return existsSync('/proc/self/stat') && existsSync('/proc/self/status');
}

/**
 * The processor time that all threads of a process have used, in user and in kernel mode, in microseconds, to the
 * nearest 10 ms (proc_pid_stat(5): fields 14 and 15).
 */
export function processCpuMicros(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  // Field 2 is the command in parentheses and may hold anything; field 3 follows its last one.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return ((Number(fields[11]) + Number(fields[12])) * 1_000_000) / TICKS_PER_SECOND;
}

/** The memory of a process that is in RAM, in MiB (proc_pid_status(5): VmRSS). */
export function residentMebibytes(pid: number): number {
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
  return Number(kibibytes) / 1024;
}
