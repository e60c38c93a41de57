/** Where audit records go. */
export interface AuditTrail {
  /**
   * Appends a record, given as one line of JSON. Resolves once it has been written, together with all others that were
   * appended meanwhile; rejects with AuditUnavailable if it could not be, and then nobody may be answered.
   */
  append(recordJson: string): Promise<void>;
  /** Writes what is waiting, syncs it to the disk and closes. */
  close(): Promise<void>;
}
