import java.util.Arrays;
import java.util.Properties;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.state.Stores;

/**
 * The word count of Kafka Streams, exactly once: lines of the topic "lines" become counts in the topic "counts". It
 * runs until it is killed.
 *
 *     WordCount BROKER APPLICATION FOLDER
 */
final class WordCount {
    private WordCount() {
    }

    public static void main(String[] args) {
        Properties all = new Properties();
        all.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, args[0]);
        all.put(StreamsConfig.APPLICATION_ID_CONFIG, args[1]);
        all.put(StreamsConfig.STATE_DIR_CONFIG, args[2]);
        all.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        all.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 100);
        all.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 0); /* each count goes on, not only the last */
        all.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
        all.put(StreamsConfig.producerPrefix("transaction.timeout.ms"), 10000);
        all.put(StreamsConfig.consumerPrefix("session.timeout.ms"), 6000);
        all.put(StreamsConfig.consumerPrefix("heartbeat.interval.ms"), 500);
        all.put(StreamsConfig.consumerPrefix("auto.offset.reset"), "earliest");

        StreamsBuilder builder = new StreamsBuilder();
        builder.stream("lines", Consumed.with(Serdes.String(), Serdes.String()))
                .flatMapValues(line -> Arrays.asList(line.split(" ")))
                .groupBy((key, word) -> word, Grouped.with(Serdes.String(), Serdes.String()))
                .count(Materialized.<String, Long>as(Stores.inMemoryKeyValueStore("words"))
                        .withKeySerde(Serdes.String()).withValueSerde(Serdes.Long()))
                .toStream()
                .mapValues(String::valueOf)
                .to("counts", Produced.with(Serdes.String(), Serdes.String()));

        KafkaStreams streams = new KafkaStreams(builder.build(), all);
        streams.setStateListener((now, before) -> System.out.println(now));
        streams.setUncaughtExceptionHandler(error -> {
            System.out.println("thread: " + error);
            return StreamThreadExceptionResponse.REPLACE_THREAD;
        });
        streams.start();
    }
}
