import { awsCli } from './support/clients.ts';
import { envelopeFlow } from './support/envelope-flow.ts';

envelopeFlow(awsCli);
