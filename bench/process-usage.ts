import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** Whether this system has a /proc that tells what a process used. */
export function canMeasureProcesses(): boolean {
  return existsSync('/proc/self/schedstat') && existsSync('/proc/self/status');
}

/**
 * The processor time that the threads of a process have used, in user and in kernel mode, in microseconds. Exact, as the
 * scheduler counts it (Documentation/scheduler/sched-stats.rst), where /proc/<pid>/stat has hundredths of a second, in
 * which a round would be lost. INVARIANT: no thread ends between two readings, for its time goes with it.
 */
export function processCpuMicros(pid: number): number {
  const tasks = `/proc/${pid}/task`;
  const nanos = readdirSync(tasks).map((id) =>
    Number(readFileSync(`${tasks}/${id}/schedstat`, 'latin1').split(' ')[0]),
  );
  return nanos.reduce((sum, each) => sum + each, 0) / 1000;
}

/** The memory of a process that is in RAM, in MiB (proc_pid_status(5): VmRSS). */
export function residentMebibytes(pid: number): number {
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
  return Number(kibibytes) / 1024;
}
