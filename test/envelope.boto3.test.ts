import { boto3 } from './support/clients.ts';
import { envelopeFlow } from './support/envelope-flow.ts';

envelopeFlow(boto3);
